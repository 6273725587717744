"""Files of rows in an S3-compatible bucket."""
