-- The same before `$recent`.
select account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version,
       currency, kind, period_start, quantity_delta as quantity, amount_delta as amount
from (
    from charges
    where run <= $run and slice_start >= $first and slice_start < $recent
      and account_id in (select account_id from touched where first_slice < $recent)
)
join (from touched where first_slice < $recent) as late using (account_id, meter)
where slice_start >= first_slice
