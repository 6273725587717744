"""Lists of Klaviyo."""
