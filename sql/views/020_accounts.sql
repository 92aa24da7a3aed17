-- Accounts as they are now.
create or replace view books.accounts as
select * exclude (void) from lake.main.accounts
qualify row_number() over (partition by account_id order by effective_from desc, run desc) = 1 and not void
