"""Files of rows, CSV or NDJSON, in a folder that somebody else picks up."""
