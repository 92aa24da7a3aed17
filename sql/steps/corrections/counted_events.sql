-- The records as they count as of a run: replaced ones with their new quantity, voided ones not at all (or, to find what
-- they touched, as they were). A corrected record is as new as its correction. (A view takes no parameters.)
create or replace temp view counted_events as
with corrected as (
    from lake.main.corrected_events where run <= getvariable('corrected_until')
    qualify row_number() over (partition by source, event_id, "timestamp" order by run desc) = 1
)
select * from lake.main.usage_events anti join corrected using (source, event_id, "timestamp")
union all by name
select * exclude (action, reason, "by") from corrected where action <> 'void' or getvariable('voided_too')
