-- Whether anything may be watched: rules of accounts or alerts that stand; prepaid accounts; postpaid accounts. In one pass,
-- as each subquery would be planned of its own.
select bool_or(kind = 'watched'), bool_or(kind = 'prepaid'), bool_or(kind = 'postpaid')
from (
    (select 'watched' as kind from alert_rules where run <= $run limit 1)
    union all
    (select 'watched' from alerts where run <= $run limit 1)
    union all
    select mode from accounts where run <= $run
)
