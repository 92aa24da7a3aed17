-- The services under which touched accounts used touched meters.
select distinct account_id, service_id, meter, first_slice
from usage_hourly join touched using (account_id, meter)
where run <= $run and slice_start >= $first and slice_start >= first_slice
