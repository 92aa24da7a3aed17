-- Accounts and slices with draws that no issued document has seen.
with added as (
    select distinct account_id, date_trunc('hour', slice_start) as slice_start, run
    from ledger_entries where run <= $snapshot_run and kind in ('usage', 'settlement') and lot <> ''
)
select distinct account_id, slice_start
from added
where not exists (
    from invoices
    where invoices.run <= $run and invoices.account_id = added.account_id
      and invoices.snapshot_run >= added.run and invoices.period_end > added.slice_start)
