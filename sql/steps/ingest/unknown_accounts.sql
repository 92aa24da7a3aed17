-- The accounts of these records that nobody knows.
create or replace temp table unknown_accounts as
select distinct account_id from yielded anti join known_accounts using (account_id) where account_id is not null
