-- Each lot of credit: what was granted, rolled over to it and away from it, drawn and expired, and what remains. A recurring
-- grant has a lot for each period that began.
create or replace view books.lots as
with moved as (
    select
        lot, account_id, split_part(any_value(account), ':', -1) as kind, any_value(currency) as currency,
        coalesce(-sum(amount) filter (where kind = 'grant'), 0) as granted,
        coalesce(-sum(amount) filter (where kind = 'rollover'), 0) as rolled_over,
        coalesce(sum(amount) filter (where kind in ('usage', 'settlement')), 0) as drawn,
        coalesce(sum(amount) filter (where kind = 'expiry'), 0) as expired,
        min(slice_start) filter (where kind = 'grant') as began
    from lake.main.ledger_entries
    where account like 'credit:%' and run <= (select max(run) from lake.main.step_heads where complete)
    group by lot, account_id
),
lots as (
    select
        grant_id as lot, grants.account_id, grants.kind, grants.currency, if(void, 0, amount)::decimal(38, 18) as amount,
        0::decimal(38, 18) as rolled_over, coalesce(drawn, 0) as drawn, coalesce(expired, 0) as expired, priority, effective_at,
        expires_at, receipt
    from books.grants left join moved on grants.grant_id = moved.lot
    where grants.kind <> 'recurring'
    union all
    select
        lot, moved.account_id, moved.kind, moved.currency, granted::decimal(38, 18), rolled_over, drawn, expired, priority, began,
        null, receipt
    from moved join books.grants on grants.grant_id = left(lot, length(lot) - 11) and grants.kind = 'recurring'
)
select
    lot, account_id, kind, currency, amount, drawn, expired, amount + rolled_over - drawn - expired as remaining, priority,
    effective_at, expires_at, receipt, rolled_over
from lots
