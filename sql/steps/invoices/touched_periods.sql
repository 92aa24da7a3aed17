-- Accounts and periods with charges that no issued document has seen: none of that period, or a later one, was issued
-- after the charge.
with added as (
    select distinct account_id, period_start, run from charges where run <= $snapshot_run
)
select distinct account_id, period_start
from added
where not exists (
    from invoices
    where invoices.run <= $run and invoices.account_id = added.account_id
      and invoices.snapshot_run >= added.run and invoices.period_start >= added.period_start)
