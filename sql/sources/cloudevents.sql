-- CloudEvents 1.0 as JSON lines: an event, or an array of events, a line. An event is unique by its source and id; the
-- subject is the account, `data` has the resource, the meter and the quantity.
-- column: specversion text
-- column: id text
-- column: source text
-- column: type text
-- column: subject text optional
-- column: time time
-- column: data json
select
    file, "row", source || '#' || id as event_id,
    "time" as "timestamp", coalesce(data ->> 'account_id', subject) as account_id,
    data ->> 'service_id' as service_id, data ->> 'resource_id' as resource_id, data ->> 'meter' as meter,
    exact_of_text(data ->> 'quantity') as quantity, exact_of_text(data ->> 'amount') as amount,
    canonical_dimensions((data -> 'dimensions')::varchar) as dimensions,
    case when specversion is distinct from '1.0' then 'specversion_unsupported'
         when source is null or type is null then 'no_cloudevent' end as fault
from raw
