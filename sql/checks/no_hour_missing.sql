-- Hours between the first and the last closed one that are not closed, or closed twice.
select hour, count(run_hours.hour) as times_closed
from (select unnest(generate_series(min(hour), max(hour), interval 1 hour)) as hour from run_hours where run <= $run) as every
left join (from run_hours where run <= $run) as run_hours using (hour)
group by hour having times_closed <> 1
order by hour
limit 100
