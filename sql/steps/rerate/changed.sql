-- What the runs of a job changed, by account and period: what was charged before, and is now, booked already or held back
-- until the period is over.
with charged as (
    from charges where kind <> 'close' union all from held_charges
),
of_job as (
    select run from runs where job = $job
),
changed as (
    select account_id, currency, period_start, sum(amount_delta) as difference
    from charged where run >= $first and run in (from of_job)
    group by all having sum(amount_delta) <> 0
),
known as (
    select account_id, arg_max(time_zone, (effective_from, run)) as time_zone from accounts group by account_id
)
select
    account_id, strftime(timezone(time_zone, period_start), '%Y-%m') as period, currency,
    (sum(amount_delta) - any_value(difference))::decimal(38, 18) as before, sum(amount_delta)::decimal(38, 18) as after,
    any_value(difference) as difference
from charged join changed using (account_id, currency, period_start) join known using (account_id)
where run <= (select max(run) from of_job)
group by all
order by account_id, period, currency
