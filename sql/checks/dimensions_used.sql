-- The dimensions with which touched accounts used those touched meters whose prices ask for dimensions.
select distinct meter, dimensions
from usage_hourly join touched using (account_id, meter)
semi join asking using (meter)
where run <= $run and slice_start >= $first and slice_start >= first_slice
