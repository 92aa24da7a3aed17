-- Whole billionths as Decimal(38, 9), whole 1e-18 as Decimal(38, 18): digits only move behind the point.
create or replace macro decimal_of_billionths(value) as
    (value // 1000000000)::decimal(38, 9) + (value % 1000000000)::decimal(9, 0) * 0.000000001::decimal(9, 9);
