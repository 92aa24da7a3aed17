-- What credit paid when it was used, by account, slice and kind of lot: what nobody paid for counts as promotional, since no receipt states it.
select ledger_entries.account_id, slice_start, if(account like '%:paid', 'paid', 'promotional') as kind,
       sum(amount) as amount
from ledger_entries
where run <= $snapshot_run and kind = 'usage' and lot <> '' and slice_start >= $first
  and account_id in (select account_id from periods_to_draft)
group by all
having sum(amount) <> 0
