-- The run that last posted.
select coalesce(max(run), 0) from step_heads where step = 'ledger_entries'
