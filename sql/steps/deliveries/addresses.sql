-- The addresses of some accounts, as they are now.
select account_id, email from accounts where list_contains($accounts, account_id)
qualify row_number() over (partition by account_id order by effective_from desc, run desc) = 1
