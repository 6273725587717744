"""Feature tables and training sets as Parquet files: asked for, written by a worker, kept for a week."""
