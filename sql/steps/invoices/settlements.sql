-- What lots settled at their starts, of some accounts.
select account_id, slice_start, lot, if(account like '%:paid', 'paid', 'promotional') as kind, sum(amount) as amount
from ledger_entries semi join touched using (account_id)
where run <= $run and kind = 'settlement' and lot <> ''
group by all
having sum(amount) <> 0
