-- The run that a job last drew.
select max(run) from runs where job = $job
