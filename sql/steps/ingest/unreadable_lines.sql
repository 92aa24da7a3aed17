-- Lines that are no UTF-8, or too long.
create or replace temp table unreadable_lines as
select file_path[$place:] as file, line::bigint as "row", any_value(coalesce(trim(csv_line, chr(10) || chr(13)), error_message)) as line
from reject_errors
join reject_scans using (scan_id, file_id)
group by all
