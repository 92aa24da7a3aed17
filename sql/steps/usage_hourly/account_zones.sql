-- The zones of the accounts that have a plan; of the others nothing is due, and their months are those of UTC.
create or replace temp table account_zones as select account_id, time_zone from zones_to_use
