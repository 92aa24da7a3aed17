-- The records, as they count, of every resource and meter that the account ever used. A temporary table goes before the lake's in every
-- statement that names it.
create or replace temp table usage_events as
select * from counted_events
where run <= $run and (resource_id, meter) in (
    select (resource_id, meter) from counted_events where account_id = $account and run <= $run)
