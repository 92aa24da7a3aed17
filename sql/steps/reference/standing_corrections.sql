-- The newest correction of each record, of those that rows to take name.
select * exclude (run) from corrections semi join rows_to_take using (event_id) where run <= $run
qualify row_number() over (partition by source, event_id, "timestamp" order by run desc) = 1
