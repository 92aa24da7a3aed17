-- The newest alert of each rule and period.
select account_id, rule_id, period, arg_max(kind, turn) as kind, arg_max(state, turn) as state, max(turn) as turn
from alerts where run <= $run
group by all
