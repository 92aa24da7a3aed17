-- Balances that are kept for alerts and are not what the entries up to their run sum to.
with kept as (
    select account_id, currency, sum(credit) as credit, sum(unbilled) as unbilled from account_balances group by all
),
booked as (
    select
        account_id, currency, -coalesce(sum(amount) filter (where account like 'credit:%'), 0) as credit,
        coalesce(sum(amount) filter (where account like 'unbilled:%'), 0) as unbilled
    from ledger_entries where account_id <> '' and run <= (select max(run) from account_balances)
    group by all
)
select account_id, currency, kept.credit, kept.unbilled, booked.credit as booked_credit, booked.unbilled as booked_unbilled
from kept full join booked using (account_id, currency)
where coalesce(kept.credit, 0) <> coalesce(booked.credit, 0) or coalesce(kept.unbilled, 0) <> coalesce(booked.unbilled, 0)
order by account_id
limit 100
