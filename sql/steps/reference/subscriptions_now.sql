-- Every change of plan with the account's currency and zone (`rating.rate` takes it so). Few subscriptions and accounts have more
-- rows than one: only of those is the newest looked for. They are found by numbers, which are compared faster than text; a
-- few too many do no harm.
with of_subscriptions as (select hash(subscription_id, effective_from) as number from subscriptions where run <= $run),
of_accounts as (select hash(account_id) as number from accounts where run <= $run),
repeated as materialized (select number from of_subscriptions group by number having count(*) > 1),
changed as materialized (select number from of_accounts group by number having count(*) > 1),
standing as (
    select * exclude (run) from subscriptions
    where run <= $run and hash(subscription_id, effective_from) not in (from repeated)
    union all
    (select * exclude (run) from subscriptions
     where run <= $run and hash(subscription_id, effective_from) in (from repeated)
     qualify row_number() over (partition by subscription_id, effective_from order by run desc) = 1)
),
known as (
    select account_id, currency, time_zone from accounts where run <= $run and hash(account_id) not in (from changed)
    union all
    (select account_id, currency, time_zone from accounts where run <= $run and hash(account_id) in (from changed)
     qualify row_number() over (partition by account_id order by effective_from desc, run desc) = 1)
)
select account_id, currency, time_zone, service_id, subscription_id, plan, effective_from
from standing join known using (account_id)
where not void
order by account_id, service_id, effective_from, subscription_id
