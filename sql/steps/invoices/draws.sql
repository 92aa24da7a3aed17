-- What credit paid, by account, slice and kind of lot.
select ledger_entries.account_id, slice_start, split_part(account, ':', -1) as kind, sum(amount) as amount
from ledger_entries
where run <= $snapshot_run and kind = 'usage' and lot <> '' and slice_start >= $first
  and account_id in (select account_id from periods_to_draft)
group by all
having sum(amount) <> 0
