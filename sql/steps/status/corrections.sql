-- Corrections, and those whose record has not come (or has come since the last run).
with standing as (
    from corrections qualify row_number() over (partition by source, event_id, "timestamp" order by run desc) = 1
)
select count(*) as given, count(*) filter (where not exists (
    from corrected_events as found
    where found.source = standing.source and found.event_id = standing.event_id
      and (standing."timestamp" is null or found."timestamp" = standing."timestamp"))) as waiting
from standing
