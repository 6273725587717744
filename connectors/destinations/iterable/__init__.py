"""Static lists of Iterable."""
