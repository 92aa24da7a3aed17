-- The accounts that price books name and that there are not.
select account_id from named_accounts anti join accounts using (account_id) order by account_id
