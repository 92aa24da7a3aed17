-- Accounts and meters that some runs metered or charged, from the first slice on that they touched.
select account_id, meter, min(slice_start) as first_slice
from (
    select account_id, meter, slice_start from usage_hourly where run > $since and run <= $run
    union all
    select account_id, meter, slice_start from charges where run > $since and run <= $run
    union all
    select account_id, meter, slice_start from held_charges where run > $since and run <= $run
)
group by all
