-- The lines of the CSV file read last that are no records, each once.
insert into malformed
select $name, line, any_value(coalesce(trim(csv_line, chr(10) || chr(13)), error_message))
from reject_errors
where file_id = (select max(file_id) from reject_scans)
group by line
