-- The samples of one span of time as a collector would land them: the columns of the source `vm_samples`, in the order
-- of the file. Two rows of one machine and instant always fall into one span, so into one file.
copy (
    select
        to_timestamp(ts) as "timestamp",
        vm,
        'account-' || lpad((cast(substr(vm, 4) as integer) % 40)::varchar, 2, '0') as account_id,
        cores,
        mem_kb_cap as memory_kib,
        null::double as storage_gb,
        disk_r_kbs as disk_read_kibs,
        disk_w_kbs as disk_write_kibs,
        net_rx_kbs as net_rx_kibs,
        net_tx_kbs as net_tx_kibs
    from samples
    where ts >= epoch($span_start::timestamptz) and ts < epoch($span_end::timestamptz)
    order by file_row_number
) to $file (format parquet)
