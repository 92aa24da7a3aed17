-- Every yielded record with the reason to refuse it, or null (semantics 2). One expression per reason code, in the
-- order in which a person would look for the fault. A timestamp from before 1970 is no time at which anything was
-- metered, and no other computation need bear it. (No joins but with the few accounts that are unknown: a join that a
-- million records pass carries all of their columns along.)
create or replace temp view judged as
select
    yielded.* replace (
        coalesce(service_id, '') as service_id,
        coalesce(dimensions, '{}') as dimensions
    ),
    hash(source, event_id, "timestamp") as identity_hash,
    case
        when fault is not null then fault
        when "timestamp" is null or "timestamp" < '1970-01-01'::timestamptz or not isfinite("timestamp")
        then 'timestamp_unreadable'
        when event_id is null or event_id = '' then 'event_id_missing'
        when resource_id is null or resource_id = '' then 'resource_missing'
        when quantity is null then 'quantity_missing'
        when abs(quantity) >= 1000000000000 or abs(amount) >= 1000000000000
        then case when abs(quantity) > 9999999999999999999999999999 then 'quantity_unreadable'
                  when abs(amount) > 9999999999999999999999999999 then 'amount_unreadable'
                  else 'out_of_range' end
        when yielded.dimensions is null then 'dimensions_not_flat'
        when meter is null or not list_contains(getvariable('known_meters'), meter) then 'unknown_meter'
        when quantity < 0 and not list_contains(getvariable('negative_meters'), meter) then 'negative'
        when getvariable('amount_meters') <> [] and amount is null and list_contains(getvariable('amount_meters'), meter)
        then 'amount_missing'
        when getvariable('amount_meters') <> [] and amount < 0 and list_contains(getvariable('amount_meters'), meter)
            and not list_contains(getvariable('negative_meters'), meter)
        then 'negative'
        when account_id is null or account_id in (from unknown_accounts) then 'unknown_account'
        when "timestamp" > (select latest from latest_timestamp) then 'future'
    end as reason
from yielded
