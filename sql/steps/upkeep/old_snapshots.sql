-- Snapshots older than the cutoff, to the microsecond; the newest one always stays.
select snapshot_id
from __ducklake_metadata_lake.ducklake_snapshot
where snapshot_time::timestamptz < $cutoff
    and snapshot_id < (select max(snapshot_id) from __ducklake_metadata_lake.ducklake_snapshot)
order by snapshot_id
