-- How many series of the window, of those that have samples before it, have none in the hours that were looked into.
select count(*)
from sampled_series anti join preceding_samples using (resource_id, meter, series)
semi join (
    select resource_id, meter, series from counter_series where first_sample < $before and run <= $run
    union all
    select resource_id, meter, series from new_series where first_sample < $before
) as older using (resource_id, meter, series)
