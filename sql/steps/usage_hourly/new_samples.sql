-- The samples that reach into the hours that close now. No gap is longer than a day: by that, files are passed over.
create or replace temp view samples as
select account_id, service_id, resource_id, meter, dimensions, "timestamp", quantity, source, event_id
from usage_events join gauge_meters using (meter)
where run <= getvariable('run')
  and "timestamp" >= getvariable('from') - interval 1 day and "timestamp" >= getvariable('from') - max_gap
  and "timestamp" < getvariable('until')
