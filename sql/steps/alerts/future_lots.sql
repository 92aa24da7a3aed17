-- Credit that is booked and has not begun, by account: it pays for nothing yet. A recurring grant is booked as it begins.
select account_id, sum(amount)::decimal(38, 18) as amount
from (from grants where run <= $run qualify row_number() over (partition by grant_id order by run desc) = 1)
where effective_at > $now and not void and kind <> 'recurring'
group by account_id
