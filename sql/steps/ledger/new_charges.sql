-- What charges were added since the head, by slice and meter: revenue. (Of a range of accounts, all of which are touched.)
select slice_start, meter, currency, sum(amount_delta) as amount_delta
from charges where run > $head and run <= $run and account_id between $first_account and $last_account group by all
