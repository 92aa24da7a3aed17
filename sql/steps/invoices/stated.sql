-- The lines that issued documents state of the periods to draft.
select account_id, period_start, plan, price_id, version, tier, invoice_lines.kind, quantity, unit_price, amount, exact
from invoice_lines semi join periods_to_draft using (account_id, period_start)
where run <= $run
