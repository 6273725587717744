"""Exports: the members of a segment at one version, as a file to download."""
