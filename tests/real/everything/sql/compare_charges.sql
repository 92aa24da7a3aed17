-- Charges that differ between `charges` (this computation) and `ours`, of the same columns; summed first, too.
with expected as (from charges),
found as (
    select account, price_id, vm, meter, dimensions, slice_start, kind, sum(quantity) as quantity, sum(amount) as amount
    from ours
    group by all
)
select
    account, price_id, vm, meter, dimensions, slice_start, kind,
    coalesce(expected.quantity, 0) as expected_quantity,
    coalesce(found.quantity, 0) as found_quantity,
    coalesce(expected.amount, 0) as expected_amount,
    coalesce(found.amount, 0) as found_amount
from expected full join found using (account, price_id, vm, meter, dimensions, slice_start, kind)
where expected_quantity <> found_quantity or expected_amount <> found_amount
order by all
