-- The most refused records at one place of one file: over one only where a file was replaced under its name.
select max(records)
from (select count(distinct record) as records from rejected_events group by source, file, "row", meter)
