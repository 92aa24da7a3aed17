-- The price of each quantity (semantics 3): of those of its meter that fit its dimensions and its time, the one with
-- most dimensions; of as many, one with `when` before one without. What is agreed with the account replaces the plan's
-- price of its id, or is one more.
create or replace table priced as
with offered as (
    select accounts.account, prices.* exclude (account)
    from accounts join prices on prices.account in ('', accounts.account)
    qualify row_number() over (partition by accounts.account, price_id order by prices.account desc) = 1
)
select
    quantities.*, price, price_id, accumulate, month, period_start, period_end
from quantities_billionths as quantities
join quarters on quarters.account = quantities.account and quarter_number = quantities.slice_start // 900000000
join offered on offered.account = quantities.account and offered.meter = quantities.meter
where (where_region = '' or where_region = json_extract_string(dimensions, '$.region'))
    and (where_tier = '' or where_tier = json_extract_string(dimensions, '$.tier'))
    and (case "when" when 'night' then is_night when 'weekend' then is_weekend else true end)
qualify row_number() over (
    partition by quantities.account, vm, quantities.meter, dimensions, quantities.slice_start
    order by (where_region <> '')::integer + (where_tier <> '')::integer desc, "when" <> '' desc
) = 1
