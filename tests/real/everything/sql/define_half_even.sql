-- numerator / denominator, half-even, of whole numbers that are not negative.
create or replace macro half_even(numerator, denominator) as
    numerator // denominator + case
        when 2 * (numerator % denominator) > denominator then 1
        when 2 * (numerator % denominator) = denominator then (numerator // denominator) % 2
        else 0
    end
