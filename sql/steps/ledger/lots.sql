-- The lots of the touched accounts; a voided one holds nothing.
select grant_id as lot, account_id, kind, currency, if(void, 0, amount)::decimal(38, 18) as amount, priority, effective_at,
       expires_at
from (from grants where run <= $run qualify row_number() over (partition by grant_id order by run desc) = 1)
semi join touched using (account_id)
