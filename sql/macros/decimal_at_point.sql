-- Digits as a number whose point stands after that many of them, before the first one where it is negative.
create or replace temp macro decimal_at_point(digits, place) as
    case when place > 0 then rpad(digits, place::integer, '0') || '.' || substr(digits, place + 1)
         else '0.' || repeat('0', -place) || digits end
