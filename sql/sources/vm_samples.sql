-- What a monitoring system exports: a wide row of one machine at an instant, with its account. It makes a record a
-- gauge; the meters give KiB x 0.000001024 = GB. Numbers are made exact each before they are added.
-- column: timestamp time
-- column: vm text
-- column: account_id text
-- column: service_id text optional
-- column: cores number
-- column: memory_kib number
-- column: storage_gb number optional
-- column: disk_read_kibs number
-- column: disk_write_kibs number
-- column: net_rx_kibs number
-- column: net_tx_kibs number
select
    file, "row", vm || '/' || epoch_us("timestamp") || '/' || gauge.meter as event_id, "timestamp", account_id, service_id,
    vm as resource_id, gauge.meter as meter, gauge.quantity as quantity, null::decimal(38, 9) as amount, '{}' as dimensions
from (
    select
        file, "row", "timestamp", vm, account_id, service_id,
        unnest([
            {meter: 'cpu', quantity: cores, optional: false},
            {meter: 'memory', quantity: memory_kib, optional: false},
            {meter: 'storage', quantity: storage_gb, optional: true},
            {meter: 'disk_io', quantity: disk_read_kibs + disk_write_kibs, optional: false},
            {meter: 'network_in', quantity: net_rx_kibs, optional: false},
            {meter: 'network_out', quantity: net_tx_kibs, optional: false}
        ]) as gauge
    from raw
)
where gauge.quantity is not null or not gauge.optional
