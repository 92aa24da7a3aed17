-- The runs that a step took in with its last commit: newer than its commit before, up to the last.
with heads as (select distinct run from step_heads where step = $step order by run desc limit 2)
select if(count(*) = 2, min(run), 0) as since, coalesce(max(run), 0) as run from heads
