-- The file as it is, each row with its place in it.
create or replace temp table samples as
select * from read_parquet($file, file_row_number = true)
