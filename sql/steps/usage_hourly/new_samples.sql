-- The records that reach into the hours of [from, until). None reaches further than from `earliest`: by that, files are
-- passed over.
create or replace temp view samples as
select account_id, service_id, resource_id, meter, dimensions, "timestamp", quantity, amount, source, event_id
from usage_events join chosen_meters using (meter)
where run <= getvariable('run')
  and "timestamp" >= getvariable('earliest') and "timestamp" >= getvariable('from') - reach
  and "timestamp" < getvariable('until')
