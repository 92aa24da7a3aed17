-- What charges were added since the head, by slice and meter: revenue.
select slice_start, meter, currency, sum(amount_delta) as amount_delta
from charges where run > $head and run <= $run group by all
