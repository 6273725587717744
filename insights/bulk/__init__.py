"""The log as Parquet files, and features worked out of them by DuckDB or Spark: for bases that outgrow one database."""
