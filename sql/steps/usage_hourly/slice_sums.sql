-- The sum of each slice.
select account_id, service_id, resource_id, meter, dimensions, hour, slice_start, sum(metered) as quantity
from sliced_records
group by all
