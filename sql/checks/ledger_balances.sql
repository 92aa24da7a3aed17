-- Transactions whose legs do not sum to zero: a slice of a run in a currency and kind (semantics 4).
select run, slice_start, currency, kind, sum(amount) as open
from ledger_entries where run > $since and run <= $run
group by all having open <> 0
order by run, slice_start
limit 100
