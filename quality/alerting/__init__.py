"""Telling people and machines of alerts and reports: who asked for it, what waits, and what was handed over."""
