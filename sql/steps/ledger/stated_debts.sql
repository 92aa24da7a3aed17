-- What documents state of prepaid use that no credit had paid, of some accounts, by the period of that use.
select account_id, stated_until, period_start, sum(amount) as amount
from stated_debts semi join touched using (account_id)
where run <= $run
group by all having sum(amount) <> 0
