"""Lists of HubSpot."""
