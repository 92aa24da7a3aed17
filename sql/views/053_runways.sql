-- How long each account's credit lasts: what is settled, what is rated and not posted yet (in flight), and what the last day
-- of closed hours cost. `balance` is credit less what is unbilled; credit that begins later is in it, whatever it may pay.
create or replace view books.runways as
with closed as (
    select coalesce(max(hour) + interval 1 hour, '1970-01-01'::timestamptz) as closed_until,
           count(distinct hour) filter (where hour >= (select max(hour) - interval 23 hours from lake.main.run_hours)) as hours
    from lake.main.run_hours where run <= (select max(run) from lake.main.step_heads where complete)
),
flying as (
    select account_id, currency, sum(amount_delta) as in_flight
    from lake.main.charges where run > (select coalesce(max(run), 0) from lake.main.step_heads where complete)
    group by all
),
burned as (
    select account_id, currency, sum(amount_delta) as burned
    from lake.main.charges
    where run <= (select max(run) from lake.main.step_heads where complete)
      and kind not in ('recurring', 'minimum', 'commitment')
      and slice_start >= (select closed_until - interval 24 hours from closed)
      and slice_start < (select closed_until from closed)
    group by all
)
select
    account_id, currency, accounts.mode, coalesce(credit, 0)::decimal(38, 18) as credit,
    coalesce(unbilled, 0)::decimal(38, 18) as unbilled, (coalesce(credit, 0) - coalesce(unbilled, 0))::decimal(38, 18) as balance,
    coalesce(in_flight, 0)::decimal(38, 18) as in_flight, coalesce(burned, 0)::decimal(38, 18) as burned, hours::integer as hours,
    closed_until
from books.accounts
left join books.balances using (account_id, currency)
left join flying using (account_id, currency)
left join burned using (account_id, currency)
cross join closed
