-- What new charges of the periods that may be current come to, by account and period.
select account_id, currency, period_start, sum(amount_delta) as spent
from charges where run > $head and run <= $run and period_start >= $first
group by all
