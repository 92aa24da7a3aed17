-- The services, and the classes of dimensions, under which touched accounts used touched meters.
select distinct account_id, service_id, meter, coalesce(dimension_class, 0)::uinteger as dimension_class, first_slice
from usage_hourly join touched using (account_id, meter)
left join classes using (meter, dimensions)
where run <= $run and slice_start >= $first and slice_start >= first_slice
