-- A binary float in nine decimals, half away from zero, exact for large values too (design 7). What is not finite
-- becomes 1e28 (unreadable), what is too large for a quantity 1e27 (out of range); the judge refuses both.
create or replace temp macro exact_of_double(v) as
    case when v is null then null
         when not isfinite(v) then 1e28::decimal(38, 9)
         when abs(v) >= 1e12 then 1e27::decimal(38, 9)
         else cast(trunc(v)::hugeint as decimal(38, 9)) + cast(v - trunc(v) as decimal(38, 9)) end
