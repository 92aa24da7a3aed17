-- What new entries moved, by account. Credit is ours to owe, so it stands negative in the books.
select
    account_id, currency, (-coalesce(sum(amount) filter (where account like 'credit:%'), 0))::decimal(38, 18) as credit,
    coalesce(sum(amount) filter (where account like 'unbilled:%'), 0)::decimal(38, 18) as unbilled
from ledger_entries where run > $head and run <= $run and account_id <> ''
group by all
