-- A value that is not negative as a multiple of the step (semantics 2, "Rounding"); as it is where there is no mode.
create or replace macro rounded(value, mode, step) as
    case mode
        when 'ceil' then (value + step - 1) // step * step
        when 'floor' then value // step * step
        when 'half_up' then (2 * value + step) // (2 * step) * step
        else value
    end
