-- Lines that are no JSON object and no array of objects.
create or replace temp table malformed as
select landed_file as file, landed_row as "row", bad_line as line from landed_lines where bad_line is not null
union all
select file, "row", line from unreadable_lines
