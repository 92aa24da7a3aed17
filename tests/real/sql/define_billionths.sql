-- A binary float as whole billionths, half away from zero, exactly (semantics 2, "Records").
-- The whole part of a float is exact. So is the rest, once multiplied by 2^96 (only its exponent changes); bits below
-- that are dropped, which is harmless: a rest so small is far less than half a billionth. From there on all is integer.
create or replace macro billionths(value) as
    case when value < 0 then -1::hugeint else 1::hugeint end
    * (
        trunc(abs(value))::hugeint * 1000000000
        + (
            trunc((abs(value) - trunc(abs(value))) * power(2::double, 96))::hugeint * 1000000000
            + (1::hugeint << 95)
        ) // (1::hugeint << 96)
    )
