create or replace table quantities_billionths as
select account, vm, meter, dimensions, slice_start, quantity_billionths::hugeint as quantity_billionths
from (
    from gauged
    union all by name from counted
    union all by name from aggregated
    union all by name select * exclude (samples, is_enough) from ranked where is_enough
)
where quantity_billionths <> 0
