-- Accounts that ever owed for prepaid use, or of which a document says so.
select account_id from lot_positions where run <= $run and lot = ''
union
select account_id from stated_debts where run <= $run
