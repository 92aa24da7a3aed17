-- Quantities that differ between `quantities` (this computation) and `ours`, of the same columns. Rows of ours are
-- differences, so they are summed per key first; a key that one side lacks counts as 0.
with expected as (from quantities),
found as (
    select account, vm, meter, dimensions, slice_start, sum(quantity) as quantity from ours group by all
)
select
    account, vm, meter, dimensions, slice_start,
    coalesce(expected.quantity, 0) as expected_quantity,
    coalesce(found.quantity, 0) as found_quantity
from expected full join found using (account, vm, meter, dimensions, slice_start)
where expected_quantity <> found_quantity
order by all
