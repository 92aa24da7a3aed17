-- What the prices with a minimum or a commitment came to after discounts, held back or not, of some accounts, by period.
select account_id, subscription_id, plan, price_id, currency, period_start, sum(amount_delta) as amount_delta
from (from charges union all from held_charges)
join accounts_to_true_up using (account_id) semi join prices_to_true_up using (plan, price_id)
where run <= $run and slice_start >= $first and kind not in ('minimum', 'commitment', 'close', 'hourly_commitment') and period_start >= first_slice
group by all
