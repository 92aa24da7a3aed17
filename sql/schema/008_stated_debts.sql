-- What issued documents state of prepaid use that no credit had paid: it is paid through `receivable`, and lots that start
-- after the books it was stated from pass it over (semantics 4). By the period of that use. A fact, written with the document.
create table stated_debts (
    number varchar not null, account_id varchar not null, period_start timestamptz not null,
    stated_until timestamptz not null, amount decimal(38, 18) not null, run bigint not null)
