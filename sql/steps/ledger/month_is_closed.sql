select exists (select 1 from closed_months where month = $month)
