-- The first slice that is new or changed, by account and meter.
select account_id, meter, min(slice_start) as first_slice
from usage_hourly where run > $head and run <= $run group by all
