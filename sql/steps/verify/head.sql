-- The run of a step's last commit up to a run.
select coalesce(max(run), 0) from step_heads where step = $step and run <= $run
