create or replace macro decimal_of_atto(value) as
    (value // 1000000000000000000)::decimal(38, 18)
    + (value % 1000000000000000000)::decimal(18, 0) * 0.000000000000000001::decimal(18, 18);
