-- The first run that a job drew.
select min(run) from runs where job = $job
