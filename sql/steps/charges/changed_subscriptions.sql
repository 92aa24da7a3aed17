-- Accounts whose subscriptions have new rows, with the earliest time that these name.
select account_id, min(effective_from) as changed_from
from subscriptions where run > $head and run <= $run group by account_id
