-- What stands as commitments by the hour of some accounts.
select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version,
       currency, kind, period_start, sum(quantity_delta) as quantity, sum(amount_delta) as amount
from charges semi join accounts_to_prove using (account_id)
where run <= $run and kind = 'hourly_commitment'
group by all
