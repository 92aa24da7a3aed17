-- The first slice that is new or changed, by account and meter. With nothing behind it, whatever stands is touched too:
-- after a rebuild, charges may stand for use that there is none of any more.
select account_id, meter, min(slice_start) as first_slice
from (
    select account_id, meter, slice_start from usage_hourly where run > $head and run <= $run
    union all
    select account_id, meter, slice_start from charges where $head = 0 and run <= $run
)
group by all
