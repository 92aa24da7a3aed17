-- What was posted in [first, until), summed by hour, day or month, kind and account; of customers one by one, or all together.
select
    date_trunc($grain, posted_hour) as posted, kind,
    case
        when $each or account_id = '' then account
        when account like 'credit:%' then 'credit:' || split_part(account, ':', -1)
        else split_part(account, ':', 1)
    end as account,
    currency, sum(amount) as amount
from ledger_entries
where run <= $run and posted_hour >= $first and posted_hour < $until
group by all
having sum(amount) <> 0
