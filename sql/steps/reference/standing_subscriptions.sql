-- The newest row of each identity, of those that rows to take have.
select * exclude (run) from subscriptions semi join rows_to_take using (subscription_id) where run <= $run
qualify row_number() over (partition by subscription_id, effective_from order by run desc) = 1
