-- What the use of some hours cost, by account: not fees and true-ups, which are due at once for a whole period.
select account_id, sum(amount_delta)::decimal(38, 18) as burned
from charges
where run <= $run and slice_start >= $first and slice_start < $until and kind not in ('recurring', 'minimum', 'commitment')
group by account_id
