-- What accounts really used in the period that is simulated, each in its own zone.
select account_id, service_id, resource_id, meter, dimensions, slice_start, sum(quantity) as quantity
from usage_hourly join periods_to_simulate using (account_id)
where run <= $run and slice_start >= $first and slice_start < $until
  and slice_start >= period_start and slice_start < period_end
group by all
having sum(quantity) <> 0
