"""The demo: real shopping, generated people with known truth, played over the real HTTP API."""
