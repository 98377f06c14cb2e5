//! Reads and writes tables of records: JSON lines, CSV and Parquet.
