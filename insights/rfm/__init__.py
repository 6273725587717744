"""Recency, frequency, monetary value: scores with ties, and segments that have names."""
