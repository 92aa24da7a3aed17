-- The hours that a run closed, with what it metered in them.
select
    strftime(run_hours.hour, '%Y-%m-%d %H:00') as hour, count(usage_hourly.meter) as slices,
    count(distinct account_id) as accounts, count(distinct resource_id) as resources
from run_hours
left join usage_hourly on date_trunc('hour', slice_start) = run_hours.hour and usage_hourly.run = $run
where run_hours.run = $run
group by run_hours.hour order by run_hours.hour
