-- What credit paid of the slices of a period when they were used, by lot, as of a run.
select lot, slice_start, sum(amount) as drawn
from ledger_entries
where run <= $run and account_id = $account and kind = 'usage' and lot <> ''
  and (account like '%:paid') = ($kind = 'paid') and slice_start >= $first and slice_start < $until
group by all
having sum(amount) <> 0
order by slice_start, lot
