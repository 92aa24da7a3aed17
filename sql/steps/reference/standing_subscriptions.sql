-- The newest row of each identity.
select * exclude (run) from subscriptions where run <= $run
qualify row_number() over (partition by subscription_id, effective_from order by run desc) = 1
