-- The samples that reach into the hours that are metered again.
create or replace temp table samples as
select usage_events.*, max_gap, series
from usage_events join gauge_meters using (meter)
semi join touched_hours
    on usage_events.resource_id = touched_hours.resource_id and usage_events.meter = touched_hours.meter
where run <= $run and "timestamp" < $closed_until
  and "timestamp" >= (select min(hour) from touched_hours) - max_gap
