-- Accounts with a row that stands: voiding one of several leaves the account known.
create or replace temp table known_accounts as
select distinct account_id
from (
    from accounts where run <= $run
    qualify row_number() over (partition by account_id, effective_from order by run desc) = 1
)
where not void
