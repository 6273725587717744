"""Attributes of Braze that mark a segment."""
