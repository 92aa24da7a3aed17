-- The charges of an account of slices before a moment, that are of slices since another one or of runs that late ones may be of.
select run, slice_start, plan, price_id, meter, kind as charge_kind, sum(amount_delta) as amount
from charges
where account_id = $account and run <= $run and slice_start < $end and (slice_start >= $start or run >= $first_late_run)
group by all
