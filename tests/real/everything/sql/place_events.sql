-- Each record in the slice of its instant and in its billing period.
create or replace table placed as
select events.*, slice_start, period_start, period_end
from events
join quarters on quarters.account = events.account and quarter_number = instant_microseconds // 900000000
join meters using (meter)
where instant_microseconds < epoch_us($closed_until::timestamptz)
