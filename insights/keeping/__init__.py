"""Kept features: traits that follow what comes, by the one as-of function."""
