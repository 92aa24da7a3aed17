-- The next number of a run.
select coalesce(max(run), 0) + 1 from runs
