-- What waits to be sent and is not kept so, or is kept and does not wait: by all alerts and deliveries up to the cache's mark.
with mark as (
    select max(alert_run) filter (where alert_id = '') as alert_run, max(run) as run from waiting_alerts
),
wanted as (
    select alert_id, unnest(string_split(channels, ',')) as channel from alerts
    where channels <> '' and run < (select alert_run from mark)
),
over as (
    select distinct alert_id, channel from deliveries
    where outcome in ('delivered', 'given_up') and run < (select run from mark)
),
open as (from wanted anti join over using (alert_id, channel)),
kept as (
    select alert_id, channel from waiting_alerts where alert_id <> '' and alert_run < (select alert_run from mark)
)
select alert_id, channel, kept.alert_id is not null as is_kept
from open full join kept using (alert_id, channel)
where open.alert_id is null or kept.alert_id is null
order by alert_id, channel
limit 100
