-- The days that most accepted records are of, hour by hour: each has a twentieth of them at least.
create or replace temp table usual_hours as
with days as (
    select date_trunc('day', hour) as day, sum(records) as records
    from counted where reason is null
    group by day
    qualify 20 * sum(records) >= sum(sum(records)) over ()
)
select day, hour, counted.records
from counted join days on date_trunc('day', hour) = day
where reason is null
