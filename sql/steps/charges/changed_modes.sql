-- Accounts that come to pay otherwise by new rows, or by a row that is taken back, with the earliest time that these name.
select account_id, min(effective_from) as changed_from
from accounts as changed
where run > $head and run <= $run and (void or mode is distinct from (
    select arg_max(mode, (effective_from, run)) from accounts as known
    where known.account_id = changed.account_id and known.effective_from <= changed.effective_from and known.run <= $head))
group by account_id
