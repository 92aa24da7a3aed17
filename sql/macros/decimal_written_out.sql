-- A number with an exponent as one without, by moving the point in its digits; null where it is no such number. DuckDB
-- 1.5 reads exponents into decimals inexactly (0.0000000050e-2 is rounded up), so it is never given one. An exponent
-- beyond a thousand says as clearly that this is no quantity, and needs no million of zeros.
create or replace temp macro decimal_written_out(v) as
    case when regexp_full_match(v, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+')
         then regexp_extract(v, '^[+-]') || decimal_at_point(
            regexp_extract(v, '^[+-]?([0-9]*)\.?([0-9]*)', 1) || regexp_extract(v, '^[+-]?([0-9]*)\.?([0-9]*)', 2),
            len(regexp_extract(v, '^[+-]?([0-9]*)', 1)) + greatest(-1000, least(1000, coalesce(
                try_cast(regexp_extract(v, '[eE](.*)$', 1) as integer), case when contains(regexp_extract(v, '[eE].*$'), '-') then -1000 else 1000 end))))
         end
