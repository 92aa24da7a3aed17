-- Accounts whose subscriptions have new rows, with the earliest time that these name. A row that names another account
-- than the row it replaces concerns both.
select account_id, min(effective_from) as changed_from
from subscriptions
where run <= $run
  and (subscription_id, effective_from) in (
      select (subscription_id, effective_from) from subscriptions where run > $head and run <= $run
  )
group by account_id
