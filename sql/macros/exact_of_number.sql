-- A whole number or a decimal in nine decimals, half away from zero; 1e27 (out of range) where it is too large.
create or replace temp macro exact_of_number(v) as
    coalesce(try_cast(v as decimal(38, 9)), case when v is not null then '1e27'::decimal(38, 9) end)
