-- Accounts and slices with draws that no issued document has seen.
with issued as (select account_id, max(snapshot_run) as snapshot_run from invoices where run <= $run group by account_id)
select distinct ledger_entries.account_id, date_trunc('hour', slice_start) as slice_start
from ledger_entries left join issued using (account_id)
where ledger_entries.run <= $snapshot_run and ledger_entries.run > coalesce(issued.snapshot_run, 0)
  and kind = 'usage' and lot <> ''
