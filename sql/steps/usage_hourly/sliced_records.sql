-- The chosen records with the slice that each is in, and what is metered of it: its value, rounded where the meter rounds
-- records, and no less than the least that a record counts. (A decimal's % is exact and has the sign of the decimal.)
create or replace temp view sliced_records as
with valued as (
    select
        samples.* exclude (quantity, amount), rounding_mode, rounding_step, minimum_per_record,
        make_timestamptz(epoch_us("timestamp") // 3600000000 * 3600000000) as hour,
        case value when 'amount' then amount else quantity end as value,
        case when rounding_per = 'record' then case value when 'amount' then amount else quantity end % rounding_step
             else 0 end as surplus
    from samples join chosen_meters using (meter)
)
select
    valued.* exclude (value, surplus, rounding_mode, rounding_step, minimum_per_record),
    coalesce(cut_slices.slice_start, valued.hour) as slice_start,
    greatest(minimum_per_record, case
        when surplus = 0 then value
        when rounding_mode = 'ceil' and surplus > 0 or rounding_mode = 'half_up' and surplus + surplus >= rounding_step
        then value - surplus + rounding_step
        when rounding_mode = 'floor' and surplus < 0 or rounding_mode = 'half_up' and -surplus - surplus >= rounding_step
        then value - surplus - rounding_step
        else value - surplus end) as metered
from valued
left join cut_slices
    on valued.account_id = cut_slices.account_id and valued.hour = cut_slices.hour
    and "timestamp" >= cut_slices.slice_start and "timestamp" < cut_slices.slice_end
