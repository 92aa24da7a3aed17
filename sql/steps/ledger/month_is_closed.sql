select exists (from closed_months where month = $month)
