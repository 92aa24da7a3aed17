-- What stands as true-ups of some accounts, from the period on in which each is looked at.
select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version,
       currency, kind, period_start, quantity_delta as quantity, amount_delta as amount
from charges join accounts_to_true_up using (account_id)
where run <= $run and slice_start >= $first and kind in ('minimum', 'commitment', 'close') and period_start >= first_slice
