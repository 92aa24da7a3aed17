-- The same before `$recent`.
select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version,
       currency, kind, period_start, sum(quantity_delta) as quantity, sum(amount_delta) as amount
from charges
join (from touched where first_slice < $recent) as late using (account_id, meter)
where run <= $run and slice_start >= $first and slice_start < $recent and slice_start >= first_slice
group by all
