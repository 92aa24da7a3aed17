select source, event_id, "timestamp", account_id, service_id, resource_id, meter, quantity, amount, dimensions, file, "row"
from judged
anti join set_aside using ("row", meter, file, source)
where reason is null
