create or replace temp table landed_unusual as
select landed.* from landed semi join unusual_rows on landed_row = unusual_rows."row" and landed_file::landed_name = unusual_rows.file
