-- How much of a table DuckLake merges into one file, in bytes; null while nothing was set.
select max(value::bigint) from __ducklake_metadata_lake.ducklake_metadata where key = 'target_file_size'
