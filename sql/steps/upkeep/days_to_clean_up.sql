-- The days, in UTC, all of whose given-up files are older than the cutoff.
select distinct schedule_start::timestamptz::date as day
from __ducklake_metadata_lake.ducklake_files_scheduled_for_deletion
where schedule_start::timestamptz::date < $cutoff::timestamptz::date
order by day
