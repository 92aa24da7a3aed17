-- What an invoice states of prepaid use that no credit had paid.
select account_id, period_start, stated_until, amount from stated_debts where number = $number
