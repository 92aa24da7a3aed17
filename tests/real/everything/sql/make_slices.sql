-- The slices of each account: UTC hours, cut where a billing period ends or a `when` of its prices begins or ends
-- (semantics 2, "Slice"), quarter by quarter. Rows are quarters of an hour, each with the slice that it is in.
create or replace table quarters as
with instants as (
    select unnest(generate_series(
        '2013-01-31T00:00:00Z'::timestamptz, '2013-04-01T23:45:00Z'::timestamptz, interval 15 minute
    )) as quarter
),
zoned as (
    select
        account, zone, quarter,
        timezone(zone, quarter) as here,
        timezone('Europe/Berlin', quarter) as berlin
    from accounts, instants
),
flagged as (
    select
        account, zone, quarter,
        date_trunc('month', here) as month,
        -- 22:15-06:45 on mon, wed, fri, sat: what is past midnight belongs to the day on which it began.
        (berlin::time >= '22:15' and isodow(berlin) in (1, 3, 5, 6))
        or (berlin::time < '06:45' and isodow(berlin - interval 1 day) in (1, 3, 5, 6)) as is_night,
        here::time >= '09:30' and here::time < '18:15' and isodow(here) in (6, 7) as is_weekend
    from zoned
),
cut as (
    select
        *,
        date_part('minute', quarter) = 0
        or (month, is_night, is_weekend) is distinct from (
            lag(month) over each_account, lag(is_night) over each_account, lag(is_weekend) over each_account
        ) as begins
    from flagged
    window each_account as (partition by account order by quarter)
)
select
    account, quarter, month, is_night, is_weekend,
    epoch_us(max(if(begins, quarter, null)) over (partition by account order by quarter)) as slice_start,
    epoch_us(timezone(zone, month)) as period_start,
    epoch_us(timezone(zone, month + interval 1 month)) as period_end,
    epoch_us(quarter) // 900000000 as quarter_number
from cut
