create or replace temp table gauge_meters as
select meter, max_gap_microseconds, to_microseconds(max_gap_microseconds) as max_gap, series
from meters_to_use where aggregation = 'time_weighted'
