-- The grants of the touched accounts; a voided one holds nothing. Few grants have more rows than one: only of those is the
-- newest looked for, over all accounts, as a grant may have had another one.
with repeated as materialized (
    select grant_id from grants where run <= $run group by grant_id having count(*) > 1
),
newest as (
    from grants where run <= $run and grant_id not in (from repeated)
    union all
    (from grants where run <= $run and grant_id in (from repeated)
     qualify row_number() over (partition by grant_id order by run desc) = 1)
)
select grant_id, account_id, kind, currency, if(void, 0, amount)::decimal(38, 18) as amount, priority, effective_at,
       expires_at, scope, if(void, 0, roll_over)::decimal(38, 18) as roll_over
from newest semi join touched using (account_id)
