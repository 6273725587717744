"""Imports: rows of files become items like any other, whatever made the file."""
