-- What each run charged under a price in a period of an account: late is what it charged for hours closed before.
with charged as (
    select
        charges.run, slice_start, quantity_delta, amount_delta,
        slice_start < coalesce(closed.first_hour, timestamptz 'infinity') as late
    from charges
    left join (select run, min(hour) as first_hour from run_hours group by run) as closed using (run)
    where charges.run <= $run and account_id = $account and plan = $plan and price_id = $price_id
      and period_start = $period_start and slice_start >= $period_start
)
select
    run, began_at, command, reason, "by", late, count(*) as charges, min(slice_start) as first_slice, max(slice_start) as last_slice,
    sum(quantity_delta) as quantity, sum(amount_delta) as amount
from charged left join runs using (run)
left join (select job, reason, "by" from reratings join runs using (run)) as reratings using (job)
group by all
order by run, late
