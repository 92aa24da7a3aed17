-- A number written as text, in nine decimals, half away from zero (semantics 2). Text that is no number becomes 1e28,
-- which the judge refuses as unreadable: so that "missing" and "unreadable" stay apart, also in a sum of two.
create or replace temp macro exact_of_text(v) as
    case when v is null or trim(v) = '' then null
         else coalesce(try_cast(v as decimal(38, 9)), case when try_cast(v as double) between -1e300 and 1e300
              and abs(try_cast(v as double)) >= 1e12 then 1e27 else 1e28 end::decimal(38, 9)) end
