-- Rows of charges that break the table's contract: an empty key, an amount out of bounds, a slice before its period, or a
-- slice that was never metered.
select * from charges
where run > $since and run <= $run
  and (account_id is null or account_id = '' or meter is null
       or (meter = '' and kind = 'usage') or price_id is null or price_id = ''
       or plan is null or version is null or currency is null or length(currency) <> 3 or kind is null
       or quantity_delta is null or amount_delta is null or slice_start is null or slice_start < period_start
       or abs(amount_delta) >= 1e19 or (quantity_delta = 0 and amount_delta = 0))
limit 100
