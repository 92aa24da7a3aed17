-- Each lot of credit: what was granted, rolled over to it and away from it, drawn and expired, and what remains. A recurring
-- grant has a lot for each period that began, which ends with the period or the grant.
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
zones as (
    select account_id, time_zone from lake.main.accounts
    qualify row_number() over (partition by account_id order by effective_from desc, run desc) = 1
),
recurring as (
    select
        moved.*, priority, receipt, time_zone, grants.expires_at,
        right(lot, 10)::date + interval 1 month as local_end, timezone(time_zone, local_end) as period_end
    from moved
    join books.grants on grants.grant_id = left(lot, length(lot) - 11) and grants.kind = 'recurring'
    left join zones on zones.account_id = moved.account_id
),
lots as (
    select
        grant_id as lot, grants.account_id, grants.kind, grants.currency, if(void, 0, amount)::decimal(38, 18) as amount,
        0::decimal(38, 18) as rolled_over, coalesce(drawn, 0) as drawn, coalesce(expired, 0) as expired, priority, effective_at,
        expires_at, receipt
    from books.grants left join moved on grants.grant_id = moved.lot
    where grants.kind <> 'recurring'
    union all
    -- A midnight that there is twice, because the clock is set back over it, is the first of the two.
    select
        lot, account_id, kind, currency, granted::decimal(38, 18), rolled_over, drawn, expired, priority, began,
        least(
            expires_at,
            if(timezone(time_zone, period_end - interval 1 hour) = local_end, period_end - interval 1 hour, period_end)),
        receipt
    from recurring
)
select
    lot, account_id, kind, currency, amount, drawn, expired, amount + rolled_over - drawn - expired as remaining, priority,
    effective_at, expires_at, receipt, rolled_over
from lots
