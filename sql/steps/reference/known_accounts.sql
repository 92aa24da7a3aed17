-- Currency and time zone of every account.
select account_id, arg_max(currency, (effective_from, run)) as currency, arg_max(time_zone, (effective_from, run)) as time_zone
from accounts where run <= $run group by account_id
