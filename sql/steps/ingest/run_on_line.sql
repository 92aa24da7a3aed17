-- The first line with a quote that does not close in it, where that took lines after it along.
select line, trim(csv_line, chr(10) || chr(13))[:60]
from reject_errors
where error_type = 'UNQUOTED VALUE' and contains(trim(csv_line, chr(10) || chr(13)), chr(10))
order by line
limit 1
