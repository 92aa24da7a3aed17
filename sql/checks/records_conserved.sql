-- Files whose records do not add up (design 5, rule 2): records = accepted + duplicates + refused + skipped; what was
-- accepted, then or on a second look, stands in usage_events; what was refused stands in rejected_events.
with files as (
    select source, file, sum(records) as records, sum(accepted) as accepted, sum(duplicates) as duplicates,
           sum(refused) as refused, sum(skipped) as skipped
    from ingested_files where run > $since and run <= $run and status = 'taken' group by all
),
standing as (
    select source, file, count(*) as events from usage_events where run > $since and run <= $run group by all
),
refusals as (
    select source, file, count(distinct (run, "row", meter, record)) as rejections
    from rejected_events
    -- A file whose content came again has a row of that run, and refused nothing in it: what its earlier records come to on a
    -- second look in the same run is no refusal of the file.
    semi join (select source, file, run from ingested_files where refused > 0) as refusing using (source, file, run)
    where run > $since and run <= $run group by all
),
second_looks as (
    select source, file, count(*) as accepted_later
    from rejected_events where run > $since and run <= $run and reason = 'accepted' group by all
)
select
    source, file, coalesce(records, 0)::bigint as records, coalesce(accepted, 0)::bigint as accepted,
    coalesce(duplicates, 0)::bigint as duplicates, coalesce(refused, 0)::bigint as refused,
    coalesce(skipped, 0)::bigint as skipped, coalesce(events, 0) as events, coalesce(rejections, 0) as rejections,
    coalesce(accepted_later, 0) as accepted_later
from files
full join standing using (source, file)
full join refusals using (source, file)
full join second_looks using (source, file)
where coalesce(records, 0) <> coalesce(accepted, 0) + coalesce(duplicates, 0) + coalesce(refused, 0) + coalesce(skipped, 0)
   or coalesce(refused, 0) <> coalesce(rejections, 0)
   or (source not in ('accounts', 'subscriptions', 'grants', 'corrections', 'alert_rules')
       and coalesce(events, 0) <> coalesce(accepted, 0) + coalesce(accepted_later, 0))
order by source, file
limit 100
