create or replace table quantities as
select
    account, vm, meter, dimensions, make_timestamptz(slice_start) as slice_start,
    decimal_of_billionths(quantity_billionths) as quantity
from quantities_billionths
