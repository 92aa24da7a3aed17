-- The grants of the touched accounts; a voided one holds nothing.
select grant_id, account_id, kind, currency, if(void, 0, amount)::decimal(38, 18) as amount, priority, effective_at,
       expires_at, scope, if(void, 0, roll_over)::decimal(38, 18) as roll_over
from (from grants where run <= $run qualify row_number() over (partition by grant_id order by run desc) = 1)
semi join touched using (account_id)
