-- The records, as they came and as they count, from which slices were metered, as of a run: those stamped in them; of a gauge, whoever's they were.
with corrected as (
    from corrected_events where run <= $run
    qualify row_number() over (partition by source, event_id, "timestamp" order by run desc) = 1
)
select
    usage_events.source, usage_events.event_id, usage_events."timestamp", usage_events.account_id, usage_events.resource_id,
    usage_events.quantity, if(action = 'void', null, coalesce(corrected.quantity, usage_events.quantity)) as counted,
    action, reason, "by", usage_events.file, usage_events."row", usage_events.run
from usage_events left join corrected using (source, event_id, "timestamp")
where usage_events.run <= $run and usage_events.meter = $meter and "timestamp" >= $first and "timestamp" < $until and exists (
    from slices_to_explain as slices
    where slices.resource_id = usage_events.resource_id and "timestamp" >= slices.begins and "timestamp" < slices.ends
      and ($whoever or (slices.service_id = usage_events.service_id and slices.dimensions = usage_events.dimensions
                        and usage_events.account_id = $account)))
order by "timestamp", source, event_id
