"""Rows of a table in Snowflake."""
