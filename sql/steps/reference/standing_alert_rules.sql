-- The newest row of each identity, of those that rows to take have.
select * exclude (run) from alert_rules semi join rows_to_take using (rule_id) where run <= $run
qualify row_number() over (partition by rule_id order by run desc) = 1
