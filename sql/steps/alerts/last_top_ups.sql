-- The paid credit that began last, by account.
select account_id, arg_max(amount, (effective_at, grant_id)) as top_up
from (from grants where run <= $run qualify row_number() over (partition by grant_id order by run desc) = 1)
where effective_at <= $now and not void and kind = 'paid'
group by account_id
