-- What an account's entries before a moment come to, by account of the books.
select account, sum(amount) as amount
from ledger_entries
where account_id = $account and run <= $run and posted_hour < $start and slice_start < $start
group by account
