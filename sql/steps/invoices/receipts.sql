-- The receipts of the paid lots that paid for use.
select account_id, list(distinct receipt order by receipt) as receipts
from (from grants where run <= $snapshot_run qualify row_number() over (partition by grant_id order by run desc) = 1)
where receipt <> '' and not void and grant_id in (
    select lot from ledger_entries where run <= $snapshot_run and kind in ('usage', 'settlement') and lot <> '' and slice_start >= $first
      and slice_start < $last)
group by account_id
