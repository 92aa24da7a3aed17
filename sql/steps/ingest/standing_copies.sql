-- Accepted records that have the identity of one of these.
create or replace temp table standing_copies as
select usage_events.*, hash(source, event_id, "timestamp") as identity_hash
from usage_events
where run <= $run
  and "timestamp" >= (select min(hour) from shared_hours)
  and "timestamp" < (select max(hour) + interval 1 hour from shared_hours)
  and hash(source, event_id, "timestamp") in (
      select identity_hash from judgements where reason is null and hour in (select hour from shared_hours))
