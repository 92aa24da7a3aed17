-- The records of one span of time, on time or late, in the columns of the source `usage_records`, in the order of the file.
copy (
    select
        event_id,
        make_timestamptz(instant_microseconds) as "timestamp",
        account as account_id,
        vm as resource_id,
        meter,
        decimal_of_billionths(value_billionths) as quantity,
        decimal_of_billionths(amount_billionths) as amount,
        dimensions
    from records
    where is_late = $is_late
    and make_timestamptz(instant_microseconds) >= $span_start::timestamptz
    and make_timestamptz(instant_microseconds) < $span_end::timestamptz
    order by row_number, meter
) to $file (format parquet)
