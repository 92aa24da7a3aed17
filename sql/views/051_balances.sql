-- Each account at a glance: credit left (ours to owe), use not invoiced yet, and what is invoiced and open.
create or replace view books.balances as
select
    account_id, currency,
    -coalesce(sum(amount) filter (where account like 'credit:%'), 0) as credit,
    coalesce(sum(amount) filter (where account like 'unbilled:%'), 0) as unbilled,
    coalesce(sum(amount) filter (where account like 'receivable:%'), 0) as receivable
from lake.main.ledger_entries
where account_id <> '' and run <= (select max(run) from lake.main.step_heads where complete)
group by all
