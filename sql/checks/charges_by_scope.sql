-- What stands as charges, held back or not, of each scope and price version.
select
    account_id, subscription_id, plan, price_id, version, currency, meter, period_start,
    if(accumulate = 'resource', resource_id, '') as resource_id, sum(quantity_delta) as quantity,
    sum(amount_delta) as amount
from (from charges union all from held_charges) as charges
join touched using (account_id, meter)
left join accumulation using (plan, price_id)
where run <= $run and slice_start >= $first and slice_start >= first_slice and kind in ('usage', 'committed')
group by all
