-- How many records each slice has.
select account_id, service_id, resource_id, meter, dimensions, hour, slice_start, count(*)::decimal(38, 9) as quantity
from sliced_records
group by all
