-- Refusals that can pass: judged again, as if they came now. What was refused for want of an account or a meter waits for
-- newer ones, what was refused as future for its time. Where a file was replaced under its name, a place in it has several
-- records: only the one of this number is taken.
create or replace temp table pending as
select * exclude (copy)
from (
    select *, row_number() over (partition by source, file, "row", meter order by record) as copy
    from (
        from rejected_events where run <= $run
        qualify row_number() over (partition by source, file, "row", meter, record order by run desc) = 1
    )
)
where copy = $copy
  and ((reason in ('unknown_account', 'unknown_meter') and run < $reference_run)
    or (reason = 'future' and try_cast("timestamp" as timestamptz) <= (select latest from latest_timestamp)))
