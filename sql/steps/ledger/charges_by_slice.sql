-- Net charges of the touched accounts by slice, with the part that was posted before. What late records touched
-- in the hours before `$recent` was read before.
select account_id, slice_start, sum(amount_delta) as amount,
       coalesce(sum(amount_delta) filter (where run <= $head), 0)::decimal(38, 18) as counted
from (
    select account_id, slice_start, amount_delta, run
    from charges join touched using (account_id)
    where run <= $run and slice_start >= $recent and slice_start >= first_slice
    union all
    select account_id, slice_start, amount_delta, run
    from late_charges join touched using (account_id)
    where run <= $run and slice_start >= first_slice
)
group by all
