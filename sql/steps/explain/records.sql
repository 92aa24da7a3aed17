-- The records from which slices were metered, as of a run: those stamped in them; of a gauge, whoever's they were.
select source, event_id, "timestamp", account_id, resource_id, quantity, file, "row", run
from usage_events
where run <= $run and meter = $meter and "timestamp" >= $first and "timestamp" < $until and exists (
    from slices_to_explain as slices
    where slices.resource_id = usage_events.resource_id and "timestamp" >= slices.begins and "timestamp" < slices.ends
      and ($whoever or (slices.service_id = usage_events.service_id and slices.dimensions = usage_events.dimensions
                        and usage_events.account_id = $account)))
order by "timestamp", source, event_id
