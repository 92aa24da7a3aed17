-- How many records each hour gains.
select hour, $source as source, sum(accepted)::bigint as accepted
from (
    select hour, records as accepted from counted where reason is null
    union all
    select date_trunc('hour', "timestamp"), -1 from set_aside
)
group by hour
having sum(accepted) > 0
