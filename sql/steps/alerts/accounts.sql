-- Each account as it is at a time; one that begins later, as it begins.
select account_id, currency, time_zone, mode, coalesce(overdraft_limit, 0) as overdraft_limit, void
from accounts where run <= $run
qualify row_number() over (
    partition by account_id
    order by effective_from <= $now desc, if(effective_from <= $now, effective_from, null) desc nulls last, effective_from, run desc) = 1
