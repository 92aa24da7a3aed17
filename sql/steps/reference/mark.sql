-- What tells one state of the reference data from another: how many commits it has up to a run, and the newest.
select count(*)::varchar || '/' || coalesce(max(run), 0) from step_heads where step = 'reference' and run <= $run
