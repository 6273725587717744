"""Rows of a table in a PostgreSQL database."""
