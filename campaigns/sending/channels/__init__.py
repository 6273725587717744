"""The ways out: what a channel needs, and how a letter is handed to its provider."""
