-- The accounts that a person asked for, and no others where one is named.
select * from books.runways
where ($account_id is null or account_id = $account_id) and ($below is null or balance - in_flight < $below)
order by account_id
