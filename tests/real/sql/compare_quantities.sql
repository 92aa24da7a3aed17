-- Quantities that differ between `quantities` (this computation) and `ours` (vm, meter, hour, quantity). Rows of ours
-- are differences, so they are summed per key first; a key that one side lacks counts as 0.
with theirs_summed as (
    select vm, meter, hour, sum(quantity) as quantity from quantities group by all
),
ours_summed as (
    select vm, meter, hour, sum(quantity) as quantity from ours group by all
)
select
    vm, meter, hour,
    coalesce(theirs_summed.quantity, 0) as expected,
    coalesce(ours_summed.quantity, 0) as found
from theirs_summed full join ours_summed using (vm, meter, hour)
where expected <> found
order by vm, meter, hour
