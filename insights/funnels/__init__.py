"""Funnels and paths: how far people come on a way of several steps, and what they do before and after an event."""
