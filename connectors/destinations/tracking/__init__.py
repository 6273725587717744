"""Whatever takes the Segment and RudderStack HTTP API."""
