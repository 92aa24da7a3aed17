-- The billing periods in which each account had its plan, and from when.
create or replace table periods as
select distinct
    account, accounts.plan, period_start, period_end,
    greatest(period_start, epoch_us(since::timestamptz)) as active_from
from quarters join accounts using (account)
where period_end > epoch_us(since::timestamptz)
