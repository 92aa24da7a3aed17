-- Slices of an account whose charges are not drawn from credit or unbilled, to the last decimal.
with charged as (
    select account_id, slice_start, currency, sum(amount_delta) as charged
    from charges where run > $since and run <= $run group by all
),
posted as (
    select account_id, slice_start, currency, sum(amount) as posted
    from ledger_entries where run > $since and run <= $run and kind = 'usage' and account_id <> '' group by all
)
select account_id, slice_start, currency, coalesce(charged, 0) as charged, coalesce(posted, 0) as posted
from charged full join posted using (account_id, slice_start, currency)
where coalesce(charged, 0) <> coalesce(posted, 0)
order by slice_start, account_id
limit 100
