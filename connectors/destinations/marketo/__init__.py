"""Marketo static lists."""
