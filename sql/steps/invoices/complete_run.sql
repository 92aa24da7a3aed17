-- The newest run whose books are whole.
select coalesce(max(run), 0) from step_heads where complete and run <= $run
