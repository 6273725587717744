"""Watched places: files that others put into a folder, a bucket or a server come in by themselves."""
