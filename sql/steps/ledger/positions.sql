-- Where every lot of the touched accounts stands: as the newest run that touched its account left it, after the one that wrote
-- all of them.
with newer as materialized (
    select account_id, max(run) as newest from lot_positions
    where run > $oldest and run <= $run and account_id between $first_account and $last_account group by account_id
)
select account_id, lot, position from lot_positions semi join touched using (account_id) left join newer using (account_id)
where run <= $run and account_id between $first_account and $last_account and run = coalesce(newest, $oldest)
