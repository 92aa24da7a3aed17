-- The records that are landed: a meter takes every sample, or one of a few. An event_id names machine and instant, so
-- that the copies in the file are copies of records; those of `cpu` and `image` name the row too, so that there two
-- records of one machine and instant both count. Readings of counters go by the row, so copies of them are conflicts.
-- One record of about 200 is late: its file lands two days after the others (copies are late together).
create or replace table records as
with counted as (
    select *, sum(counts_from_zero::integer) over (partition by vm order by instant_microseconds, row_number) as spell
    from samples
),
read as (
    select
        *,
        -- Whole bytes are whole billionths of a GB.
        sum(if(counts_from_zero, 0, bytes_sent)) over (
            partition by vm, spell order by instant_microseconds, row_number
        )::hugeint as odometer,
        sum(bytes_received) over (
            partition by vm order by instant_microseconds, row_number
        )::hugeint % 4294967296 as octets,
        '{"region":"' || region || '"}' as placed,
        '{"region":"' || region || '","tier":"' || tier || '"}' as sized,
        '{"level":"' || level || '","region":"' || region || '"}' as levelled,
        '{"bank":"' || if(five % 4 < 2, 'a', 'b') || '","region":"' || region || '"}' as banked,
        lpad(row_number::varchar, 7, '0') as by_row
    from counted
),
metered as (
    select *, 'cpu' as meter, cores * 1000000000::hugeint as value, null::hugeint as amount, sized as dimensions, by_row as mark
    from read
    union all by name select *, 'memory' as meter, memory_cap as value, banked as dimensions from read where five % 2 = 0
    union all by name select *, 'network_out' as meter, odometer as value, placed as dimensions from read where five % 4 = 0
    union all by name select *, 'network_in' as meter, octets as value, placed as dimensions from read where five % 4 = 1
    union all by name select *, 'reads' as meter, disk_read as value, placed as dimensions from read where five % 6 = 0
    union all by name select *, 'writes' as meter, disk_written as value, sized as dimensions from read where five % 6 = 1
    union all by name select *, 'traffic' as meter, sent as value, placed as dimensions from read where five % 12 = 3
    union all by name select *, 'requests' as meter, sent as value, placed as dimensions from read where five % 4 = 2
    union all by name select *, 'peak' as meter, cpu_mhz as value, placed as dimensions from read where five % 6 = 2
    union all by name select *, 'peak_month' as meter, cpu_mhz as value, sized as dimensions from read where five % 6 = 3
    union all by name select *, 'image' as meter, memory_used as value, placed as dimensions, by_row as mark
    from read where five % 6 = 4
    union all by name select *, 'image_month' as meter, memory_used as value, placed as dimensions from read where five % 6 = 5
    union all by name select *, 'levels' as meter, 0 as value, levelled as dimensions from read where five % 6 = 0
    union all by name select *, 'levels_month' as meter, 0 as value, levelled as dimensions from read where five % 6 = 1
    union all by name select *, 'line' as meter, sent as value, '{}' as dimensions from read
    where five % 2 = 1 and machine % 2 = 0
    union all by name select *, 'uplink' as meter, received as value, '{}' as dimensions from read
    where five % 2 = 0 and machine % 3 = 2
    -- A record of `resold` carries an amount of money; one of eleven has none and is refused.
    union all by name select *, 'resold' as meter, 0 as value,
        case when row_number % 11 <> 0 then disk_written // 10000 end as amount, placed as dimensions
    from read where five % 6 = 2
)
select
    account, vm, meter, instant_microseconds, row_number, dimensions,
    vm || '/' || instant_microseconds || '/' || meter || coalesce('/' || mark, '') as event_id,
    value::hugeint as value_billionths,
    amount::hugeint as amount_billionths,
    (instant_microseconds // 1000000 * 7 + machine) % 211 = 0 as is_late
from metered
