"""Webhooks of any sender: its signature checked, its JSON mapped to items."""
