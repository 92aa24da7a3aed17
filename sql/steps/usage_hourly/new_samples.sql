-- The samples that reach into the hours that close now.
create or replace temp table samples as
select usage_events.*, max_gap, series
from usage_events join gauge_meters using (meter)
where run <= $run and "timestamp" >= $closed_until::timestamptz - max_gap and "timestamp" < $until
