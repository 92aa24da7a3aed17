create or replace temp view landed_usual as
select landed.* from landed anti join unusual_rows on landed_row = unusual_rows."row" and landed_file::landed_name = unusual_rows.file
