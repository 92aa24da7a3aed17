-- The first run that knew one of these accounts: no record of theirs was accepted before.
select min(run) from accounts semi join moved_zones using (account_id)
