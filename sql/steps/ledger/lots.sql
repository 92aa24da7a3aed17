-- The grants of the touched accounts; a voided one holds nothing. Few grants have more rows than one (`repeated`): only of those
-- is the newest looked for, over all accounts, as a grant may have had another one.
with newest as (
    from grants where run <= $run and account_id between $first_account and $last_account
        and grant_id not in (select grant_id from repeated)
    union all
    (from (from grants where run <= $run and grant_id in (select grant_id from repeated)
           qualify row_number() over (partition by grant_id order by run desc) = 1)
     where account_id between $first_account and $last_account)
)
select grant_id, account_id, kind, currency, if(void, 0, amount)::decimal(38, 18) as amount, priority, effective_at,
       expires_at, scope, if(void, 0, roll_over)::decimal(38, 18) as roll_over
from newest semi join touched using (account_id)
