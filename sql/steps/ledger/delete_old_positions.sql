delete from lot_positions where run < $run
