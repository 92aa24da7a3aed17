-- Accounts and slices with draws that no issued document has seen. What settles may pay for any slice that was open.
with drawn as (
    select distinct account_id, date_trunc('hour', slice_start) as slice_start, run
    from ledger_entries where run <= $snapshot_run and kind = 'usage' and lot <> ''
),
settled as (
    select distinct account_id, date_trunc('hour', slice_start) as slice_start, run
    from ledger_entries where run <= $snapshot_run and kind = 'settlement' and lot <> ''
),
opened as (
    select distinct account_id, date_trunc('hour', slice_start) as slice_start
    from ledger_entries
    where run <= $snapshot_run and kind = 'usage' and account like 'unbilled:%'
      and account_id in (select account_id from settled)
),
added as (
    from drawn
    union
    from settled
    union
    select account_id, opened.slice_start, settled.run
    from settled join opened using (account_id)
    where opened.slice_start <= settled.slice_start
)
select distinct account_id, slice_start
from added
where not exists (
    from invoices
    where invoices.run <= $run and invoices.account_id = added.account_id
      and invoices.snapshot_run >= added.run and invoices.period_end > added.slice_start)
