-- The receipts of the paid lots that paid for use, or for older use at their start.
select account_id, list(distinct receipt order by receipt) as receipts
from (from grants where run <= $snapshot_run qualify row_number() over (partition by grant_id order by run desc) = 1)
where receipt <> '' and not void and grant_id in (
    select lot from ledger_entries where run <= $snapshot_run and lot <> '' and slice_start >= $first
      and ((kind = 'usage' and slice_start < $last) or kind = 'settlement'))
group by account_id
