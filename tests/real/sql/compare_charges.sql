-- Charges that differ between `charges` (this computation) and `ours` (account, price_id, vm, slice_start, quantity,
-- amount). Rows of ours are differences, so they are summed per key first; a key that one side lacks counts as 0.
with theirs_summed as (
    select account, price_id, vm, slice_start, sum(quantity) as quantity, sum(amount) as amount
    from charges
    group by all
),
ours_summed as (
    select account, price_id, vm, slice_start, sum(quantity) as quantity, sum(amount) as amount
    from ours
    group by all
)
select
    account, price_id, vm, slice_start,
    coalesce(theirs_summed.quantity, 0) as expected_quantity,
    coalesce(ours_summed.quantity, 0) as found_quantity,
    coalesce(theirs_summed.amount, 0) as expected_amount,
    coalesce(ours_summed.amount, 0) as found_amount
from theirs_summed full join ours_summed using (account, price_id, vm, slice_start)
where expected_quantity <> found_quantity or expected_amount <> found_amount
order by account, slice_start, price_id, vm
