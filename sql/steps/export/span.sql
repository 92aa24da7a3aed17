-- What the journal holds: by currency its first and last posting, and no less than the sum of all magnitudes.
select currency, min(posted_hour) as first, max(posted_hour) as last, sum(ceil(abs(amount))::hugeint) as magnitude
from ledger_entries where run <= $run
group by currency
order by currency
