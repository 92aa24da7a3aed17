-- The run of the step that last stored alerts.
select coalesce(max(run), 0) from step_heads where step = 'alerts'
