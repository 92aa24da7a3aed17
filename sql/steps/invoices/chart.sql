-- Charges by day in the account's zone and meter, for the chart of a document.
select account_id, strftime(timezone(time_zone, slice_start), '%Y-%m-%d') as day, meter, sum(amount_delta) as amount
from charges join periods_to_chart using (account_id, period_start)
where run <= $snapshot_run and slice_start >= $first
group by all
