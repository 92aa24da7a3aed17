-- Usage events in the native columns.
-- column: event_id text
-- column: timestamp time
-- column: account_id text
-- column: service_id text optional
-- column: resource_id text
-- column: meter text
-- column: quantity number
-- column: amount number optional
-- column: dimensions map optional
select file, "row", event_id, "timestamp", account_id, service_id, resource_id, meter, quantity, amount, dimensions
from raw
