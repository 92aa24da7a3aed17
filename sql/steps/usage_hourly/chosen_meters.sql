-- The meters of one aggregation, which the next statement is about.
create or replace temp table chosen_meters as
select meter, max_gap_microseconds, to_microseconds(coalesce(max_gap_microseconds, 0)) as reach, series, value, of, width,
    rounding_mode, rounding_step, rounding_per, minimum_per_record, is_pooled, percentile_nano
from meters_to_choose
