"""Pages as Parquet, made from a file of records."""
