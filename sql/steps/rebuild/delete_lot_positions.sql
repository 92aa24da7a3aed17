delete from lot_positions
