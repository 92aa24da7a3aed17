-- Each run that posted, and the first hour that was open to it (as `steps/ledger/first_open` told it).
with posted as (
    select run, lag(run, 1, 0) over (order by run) as before
    from (select distinct run from step_heads where step = 'ledger_entries' and run <= $run)
),
hours as (
    select run, max(max(hour)) over (order by run) + interval 1 hour as open from run_hours where run <= $run group by run
),
months as (
    select run, max(max(closed_until)) over (order by run) as open from closed_months where run <= $run group by run
)
select
    posted.run,
    greatest(coalesce(hours.open, '1970-01-01'::timestamptz), coalesce(months.open, '1970-01-01'::timestamptz)) as first_open
from posted asof left join hours on posted.before >= hours.run asof left join months on posted.run >= months.run
order by posted.run
