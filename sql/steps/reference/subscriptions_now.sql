-- Every change of plan with the account's currency and zone (`rating.rate` takes it so).
with standing as (
    select * exclude (run) from subscriptions where run <= $run
    qualify row_number() over (partition by subscription_id, effective_from order by run desc) = 1
),
known as (
    select account_id, arg_max(currency, (effective_from, run)) as currency, arg_max(time_zone, (effective_from, run)) as time_zone
    from accounts where run <= $run group by account_id
)
select account_id, currency, time_zone, service_id, subscription_id, plan, effective_from
from standing join known using (account_id)
where not void
order by account_id, service_id, effective_from, subscription_id
