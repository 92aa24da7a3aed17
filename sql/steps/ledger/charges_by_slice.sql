-- Net charges of the touched accounts by slice, with the part that was posted before.
select account_id, slice_start, sum(amount_delta) as amount,
       coalesce(sum(amount_delta) filter (where run <= $head), 0)::decimal(38, 18) as counted
from charges join touched using (account_id)
where run <= $run and slice_start >= first_slice and slice_start >= $first
group by all
