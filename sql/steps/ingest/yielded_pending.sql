create or replace temp view yielded as
select
    source, file, "row", event_id, try_cast("timestamp" as timestamptz) as "timestamp", account_id, service_id,
    resource_id, meter, exact_of_text(quantity) as quantity, exact_of_text(amount) as amount, dimensions,
    null::varchar as fault
from pending
