-- Records that are known to be accepted, so that nothing is left to judge.
select
    source, event_id, "timestamp", account_id, coalesce(service_id, '') as service_id, resource_id, meter, quantity,
    amount, dimensions, file, "row"
from yielded
