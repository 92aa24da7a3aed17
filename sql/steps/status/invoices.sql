select period, count(*) filter (where issued) as issued, count(*) filter (where not issued) as drafts
from (select period, true as issued from invoices union all select period, false from invoice_drafts as d
      where not exists (from invoices as i where i.account_id = d.account_id and i.period = d.period))
group by period order by period desc
