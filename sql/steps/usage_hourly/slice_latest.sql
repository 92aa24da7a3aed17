-- The last record of each slice.
select account_id, service_id, resource_id, meter, dimensions, hour, slice_start, arg_max(metered, ("timestamp", source, event_id)) as quantity
from sliced_records
group by all
