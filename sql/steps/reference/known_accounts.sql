-- Currency and time zone of the accounts of rows to take.
select account_id, arg_max(currency, (effective_from, run)) as currency, arg_max(time_zone, (effective_from, run)) as time_zone
from accounts semi join rows_to_take using (account_id) where run <= $run
group by account_id
