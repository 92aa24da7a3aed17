-- Drafts whose document does not sum: its lines to their total, that less credit to the net, the net and tax to due.
with printed as (
    select period, account_id, net, tax, due, document::json -> 'totals' as totals,
        list_sum([(line ->> 'amount')::decimal(38, 9) for line in (document::json -> 'lines')::json[]]) as lines
    from invoice_drafts
)
select period, account_id, lines, net, tax, due
from printed
where coalesce(lines, 0) <> (totals ->> 'lines')::decimal(38, 9)
   or net <> (totals ->> 'lines')::decimal(38, 9) + (totals ->> 'promotional_credit')::decimal(38, 9)
       + (totals ->> 'paid_credit')::decimal(38, 9)
   or net + tax <> due or due <> (totals ->> 'due')::decimal(38, 9)
order by period, account_id
limit 100
