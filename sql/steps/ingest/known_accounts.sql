create or replace temp table known_accounts as
select account_id
from (from accounts where run <= $run qualify row_number() over (partition by account_id order by run desc, effective_from desc) = 1)
where not void
