create or replace table charges as
select
    account, price_id, vm, meter, dimensions, make_timestamptz(slice_start) as slice_start,
    decimal_of_billionths(quantity_billionths) as quantity,
    decimal_of_atto(amount) as amount
from charges_atto
