-- Accounts and slices with draws that no issued document has seen. What settles may pay for any slice that was open, and
-- what is open of an earlier slice now takes what settled away from the later ones. So does a new row of the account that
-- makes earlier slices prepaid or postpaid, which moves no entry.
with drawn as (
    select distinct account_id, date_trunc('hour', slice_start) as slice_start, run
    from ledger_entries where run <= $snapshot_run and kind = 'usage' and lot <> ''
),
settled as (
    select distinct account_id, date_trunc('hour', slice_start) as slice_start, run
    from ledger_entries where run <= $snapshot_run and kind = 'settlement' and lot <> ''
),
settlers as (
    select account_id, max(slice_start) as last_start, max(run) as run from settled group by all
),
opened as (
    select account_id, date_trunc('hour', slice_start) as slice_start, max(run) as run
    from ledger_entries
    where run <= $snapshot_run and kind = 'usage' and account like 'unbilled:%'
      and account_id in (select account_id from settlers)
    group by all
),
restated as (
    select account_id, max(run) as run from accounts where run <= $snapshot_run group by all
),
before_settlement as (
    select account_id, opened.slice_start, greatest(opened.run, settlers.run, restated.run) as run
    from opened join settlers using (account_id) join restated using (account_id)
    where opened.slice_start <= last_start
),
added as (
    from drawn
    union
    from settled
    union
    -- The newest of them may have moved what is matched with any of the others.
    select account_id, slice_start, max(run) over (partition by account_id) as run from before_settlement
)
select distinct account_id, slice_start
from added
where not exists (
    from invoices
    where invoices.run <= $run and invoices.account_id = added.account_id
      and invoices.snapshot_run >= added.run and invoices.period_end > added.slice_start)
