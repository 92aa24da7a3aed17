delete from invoice_drafts where period = $period
