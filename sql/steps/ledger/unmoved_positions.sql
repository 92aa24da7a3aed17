-- Where the lots of accounts stand that are not touched, as `positions` has it.
with newer as materialized (
    select account_id, max(run) as newest from lot_positions where run > $oldest and run <= $run group by account_id
)
select account_id, lot, position from lot_positions anti join touched using (account_id) left join newer using (account_id)
where run <= $run and run = coalesce(newest, $oldest)
