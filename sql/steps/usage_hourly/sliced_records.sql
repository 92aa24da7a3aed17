-- The chosen records with the slice that each is in, and what is metered of it.
create or replace temp view sliced_records as
select
    placed.* exclude (quantity, amount), coalesce(cut_slices.slice_start, placed.hour) as slice_start,
    case chosen_meters.value when 'amount' then coalesce(amount, 0) else quantity end as metered
from (select *, make_timestamptz(epoch_us("timestamp") // 3600000000 * 3600000000) as hour from samples) as placed
join chosen_meters using (meter)
left join cut_slices
    on placed.account_id = cut_slices.account_id and placed.hour = cut_slices.hour
    and "timestamp" >= cut_slices.slice_start and "timestamp" < cut_slices.slice_end
