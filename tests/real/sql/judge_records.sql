-- One row per record: five of each row of the file, numbers in whole billionths (semantics 2).
-- The machine's number, modulo 40, names the account. Read and write are each converted, then added: no sum of floats.
-- Identity is (machine, instant, meter): the first in the order of the file counts, an equal copy is a duplicate, a
-- copy that says something else is a conflict. What a record says, beside its identity, is its quantity alone: the
-- account follows from the machine, and there are no dimensions.
create or replace table records as
with raw as (
    select
        vm,
        'account-' || lpad((cast(substr(vm, 4) as integer) % 40)::varchar, 2, '0') as account,
        ts * 1000000 as instant_microseconds,
        file_row_number as row_number,
        cores * 1000000000::hugeint as cpu,
        billionths(mem_kb_cap) as memory,
        billionths(disk_r_kbs) + billionths(disk_w_kbs) as disk_io,
        billionths(net_rx_kbs) as network_in,
        billionths(net_tx_kbs) as network_out
    from read_parquet($file, file_row_number = true)
),
long as (
    unpivot raw on cpu, memory, disk_io, network_in, network_out
    into name meter value value_billionths
),
compared as (
    select
        *,
        row_number() over same_identity as copy_number,
        first_value(value_billionths) over same_identity as first_value_billionths
    from long
    window same_identity as (partition by vm, instant_microseconds, meter order by row_number)
)
select
    account, vm, meter, instant_microseconds, row_number, value_billionths,
    case
        when copy_number = 1 then 'accepted'
        when value_billionths = first_value_billionths then 'duplicate'
        else 'conflict'
    end as verdict
from compared
