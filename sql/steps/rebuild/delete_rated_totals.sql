delete from rated_totals
