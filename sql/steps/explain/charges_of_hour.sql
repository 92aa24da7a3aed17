-- The charged slices of an hour of an account, of all meters, prices and resources or of those that are named.
select distinct
    account_id, service_id, resource_id, meter, dimensions, slice_start, subscription_id, plan, price_id, version, currency,
    kind, period_start
from books.charges
where account_id = $account and slice_start >= $hour and slice_start < $hour + interval 1 hour
  and ($meter is null or meter = $meter) and ($price is null or price_id = $price)
  and ($resource is null or resource_id = $resource)
order by all
