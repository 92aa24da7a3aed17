-- Of the copies of one identity the first counts, in the order of (run, file, row); one that says the same is a
-- duplicate, one that says something else a conflict (semantics 2).
create or replace temp table set_aside as
with copies as (
    select
        1 as place, file, "row", source, event_id, "timestamp", meter,
        row(account_id, service_id, resource_id, meter, quantity, amount, dimensions) as content
    from judged
    where reason is null and identity_hash in (select identity_hash from repeated_hashes)
    union all
    select
        0, file, "row", source, event_id, "timestamp", meter,
        row(account_id, service_id, resource_id, meter, quantity, amount, dimensions)
    from standing_copies
),
compared as (
    select
        *, row_number() over copy_order as copy, first_value(content) over copy_order as first_content
    from copies
    window copy_order as (partition by source, event_id, "timestamp" order by place, file, "row", meter)
)
select source, file, "row", meter, "timestamp", if(content is not distinct from first_content, 'duplicate', 'conflict') as outcome
from compared
where copy > 1 and place = 1
