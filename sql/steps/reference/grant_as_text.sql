-- The newest row of one grant, each column as the text that would land it.
select
    grant_id, account_id, kind, amount::varchar as amount, currency, priority::varchar as priority,
    strftime(effective_at, '%Y-%m-%dT%H:%M:%S.%fZ') as effective_at,
    strftime(expires_at, '%Y-%m-%dT%H:%M:%S.%fZ') as expires_at, receipt, tax_paid::varchar as tax_paid, tax_code,
    gateway, scope, every, roll_over::varchar as roll_over, reason, "by", void::varchar as void
from grants where grant_id = $grant_id
order by grants.run desc limit 1
