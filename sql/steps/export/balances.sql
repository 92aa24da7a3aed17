-- What stands in each account of the books before a moment; of customers one by one, or all together.
select
    case
        when $each or account_id = '' then account
        when account like 'credit:%' then 'credit:' || split_part(account, ':', -1)
        else split_part(account, ':', 1)
    end as account,
    currency, sum(amount) as amount
from ledger_entries
where run <= $run and posted_hour < $first
group by all
having sum(amount) <> 0
