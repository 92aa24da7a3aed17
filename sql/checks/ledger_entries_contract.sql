-- Entries that break the table's contract: no account, a kind we do not know, an amount of zero or out of bounds, posted
-- before the hour of their slice or into a closed month.
select * from ledger_entries
where run > $since and run <= $run
  and (account is null or account = '' or currency is null or length(currency) <> 3 or amount is null or amount = 0
       or abs(amount) >= 1e19 or kind is null or kind not in ('usage', 'grant', 'expiry', 'rollover', 'settlement', 'issue')
       or posted_hour < date_trunc('hour', slice_start)
       or posted_hour < (select max(closed_until) from closed_months where closed_months.run < ledger_entries.run))
limit 100
