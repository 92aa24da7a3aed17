-- The newest row of each identity, of those that rows to take have.
select * exclude (run) from accounts semi join rows_to_take using (account_id) where run <= $run
qualify row_number() over (partition by account_id, effective_from order by run desc) = 1
