-- What is held back of some accounts until their periods are over, by price version.
select account_id, subscription_id, plan, price_id, currency, period_start, meter, version, sum(amount_delta) as amount
from held_charges join accounts_to_true_up using (account_id)
where run <= $run and slice_start >= $first and period_start >= first_slice
group by all
