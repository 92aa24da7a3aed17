-- The time zones of the accounts that have these grants.
select account_id, arg_max(time_zone, (effective_from, run)) as time_zone
from accounts semi join grants_to_place using (account_id) where run <= $run group by account_id
