-- Each lot of credit: what was granted, drawn and expired of it, and what remains.
create or replace view books.lots as
with moved as (
    select
        lot, coalesce(sum(amount) filter (where kind = 'usage'), 0) as drawn,
        coalesce(sum(amount) filter (where kind = 'expiry'), 0) as expired
    from lake.main.ledger_entries
    where account like 'credit:%' and run <= (select max(run) from lake.main.step_heads where complete)
    group by lot
)
select
    grant_id as lot, account_id, kind, currency, if(void, 0, amount)::decimal(38, 18) as amount,
    coalesce(drawn, 0) as drawn, coalesce(expired, 0) as expired,
    if(void, 0, amount)::decimal(38, 18) - coalesce(drawn, 0) - coalesce(expired, 0) as remaining,
    priority, effective_at, expires_at, receipt
from books.grants left join moved on grants.grant_id = moved.lot
