"""All tables of this app; each concern keeps its own."""
