-- The file as it is, each row with its place in it, 129 days earlier: the week ends with March, so that its billing
-- period closes, and on its last day clocks change in Europe. `five` counts the five minutes since 1970.
create or replace table samples as
select
    vm,
    cast(substr(vm, 4) as integer) as machine,
    'account-' || lpad((cast(substr(vm, 4) as integer) % 40)::varchar, 2, '0') as account,
    (ts - 129 * 86400) * 1000000 as instant_microseconds,
    ts // 300 as five,
    file_row_number as row_number,
    cores,
    case cast(substr(vm, 4) as integer) % 3 when 0 then 'eu' when 1 then 'us' else 'ap' end as region,
    if(cores >= 4, 'large', 'small') as tier,
    floor(cpu_pct)::integer::varchar as level,
    billionths(cpu_mhz) as cpu_mhz,
    billionths(mem_kb_cap) as memory_cap,
    billionths(mem_kb) as memory_used,
    billionths(disk_r_kbs) as disk_read,
    billionths(disk_w_kbs) as disk_written,
    billionths(net_rx_kbs) as received,
    billionths(net_tx_kbs) as sent,
    -- Bytes of five minutes at that rate. A machine begins to count at zero while it is at 0 cores, and every 53 hours.
    billionths(net_rx_kbs) * 307200 // 1000000000 as bytes_received,
    billionths(net_tx_kbs) * 307200 // 1000000000 as bytes_sent,
    cores = 0 or (ts // 300 + 12 * cast(substr(vm, 4) as integer) + 2) % 636 = 0 as counts_from_zero
from read_parquet($file, file_row_number = true)
where list_contains($accounts, cast(substr(vm, 4) as integer) % 40)
