-- The newest row of each identity, of those that rows to take have.
select * exclude (run) from grants semi join rows_to_take using (grant_id) where run <= $run
qualify row_number() over (partition by grant_id order by run desc) = 1
