-- Charges by day in the account's zone and meter, for the chart of a document; a fee is of no day. (Days are worked out in calendars, which
-- is slow: once an hour, not once a charge.)
with by_slice as (
    select account_id, time_zone, slice_start, meter, sum(amount_delta) as amount
    from charges join periods_to_chart using (account_id, period_start)
    where run <= $snapshot_run and slice_start >= $first and meter <> ''
    group by all
)
select account_id, strftime(timezone(time_zone, slice_start), '%Y-%m-%d') as day, meter, sum(amount) as amount
from by_slice
group by all
