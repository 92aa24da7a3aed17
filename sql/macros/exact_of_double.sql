-- A binary float in nine decimals, half away from zero, exactly (semantics 2), for large values too (design 7). What is
-- not finite becomes 1e28 (unreadable), what is too large for a quantity 1e27 (out of range); the judge refuses both.
-- Next to a half the product with 1e9 is itself rounded, and may land on the other side: there whole numbers decide (the
-- rest of a float that is near a half has no bits below 2^-90).
create or replace temp macro exact_of_double(v) as
    case when v is null then null
         when not isfinite(v) then '1e28'::decimal(38, 9)
         when abs(v) >= 1e12 then '1e27'::decimal(38, 9)
         when abs(abs((v - trunc(v)) * 1e9 - trunc((v - trunc(v)) * 1e9)) - 0.5) > 1e-3
         then cast(trunc(v)::hugeint as decimal(38, 9)) + cast(v - trunc(v) as decimal(38, 9))
         else cast(trunc(v)::hugeint as decimal(38, 9)) + cast(sign(v) * (
              (trunc(abs(v - trunc(v)) * power(2::double, 90))::hugeint * 1000000000 + (1::hugeint << 89)) >> 90
              )::double / 1e9 as decimal(38, 9)) end
