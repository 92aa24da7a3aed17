-- What no lot paid when it was used, by slice, of the accounts of which something was settled.
select account_id, slice_start, sum(amount) as amount
from ledger_entries semi join touched using (account_id)
where run <= $run and kind = 'usage' and account like 'unbilled:%'
group by all
having sum(amount) <> 0
