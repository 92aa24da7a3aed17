select
    (select count(distinct hour) from run_hours) as hours, (select min(hour) from run_hours) as first,
    (select date_diff('hour', min(hour), max(hour)) + 1 - count(distinct hour) from run_hours) as missing,
    (select max(run) from step_heads where complete) as complete_run,
    (select max(committed_at) from step_heads where complete) as committed_at
