"""Whole bases at once: the same model by generated SQL, on DuckDB and on Spark."""
