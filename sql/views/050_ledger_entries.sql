-- Every leg of the double entry; debits are positive, credits negative. The legs of a transaction sum to zero.
create or replace view books.ledger_entries as
select
    md5(concat_ws(chr(31), account, lot, currency, slice_start, posted_hour, kind, run)) as entry_id,
    md5(concat_ws(chr(31), slice_start, currency, kind, run)) as transaction_id, *
from lake.main.ledger_entries
where run <= (select max(run) from lake.main.step_heads where complete)
