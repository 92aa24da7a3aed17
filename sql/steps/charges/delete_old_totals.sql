delete from rated_totals where run < $run
