-- What accounts are charged in the period that is simulated, booked already or held back until it is over.
select account_id, currency, plan, price_id, sum(amount_delta) as amount
from (from charges where kind <> 'close' union all from held_charges) as charges
semi join periods_to_simulate using (account_id, period_start)
where run <= $run and slice_start >= $first and slice_start < $until
group by all
having sum(amount_delta) <> 0
