-- The rules of accounts that stand.
select account_id, rule_id, kind, threshold, amount
from (from alert_rules where run <= $run qualify row_number() over (partition by rule_id order by run desc) = 1)
where not void
