-- The refused records as they came, each with its reason.
with refused as (
    select judged.* from judged where reason is not null
    union all
    select judged.* replace ('conflict' as reason)
    from judged semi join (from set_aside where outcome = 'conflict') as conflicts using ("row", meter, file)
    where reason is null
)
select
    refused.source, refused.file, refused."row", coalesce(refused.meter, '') as meter, refused.event_id,
    refused."timestamp"::varchar as "timestamp", refused.account_id, refused.service_id, refused.resource_id,
    if(abs(refused.quantity) >= 1e27, null, refused.quantity)::varchar as quantity,
    if(abs(refused.amount) >= 1e27, null, refused.amount)::varchar as amount,
    refused.dimensions, record_of(landed) as record, refused.reason
from refused
left join landed on landed_file = refused.file and landed_row = refused."row"
union all
select $source, file, "row", '', null, null, null, null, null, null, null, null, line, 'unreadable' from malformed
