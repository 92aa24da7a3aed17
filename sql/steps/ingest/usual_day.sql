-- The day that most accepted records are of, and how many those are.
select hour::date as day, sum(records)::bigint as records
from counted where reason is null
group by day
union all
select '1970-01-01'::date, 0
order by records desc, day
limit 1
