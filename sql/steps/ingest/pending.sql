-- Refusals that can pass: judged again, as if they came now. What was refused as future waits for its time.
create or replace temp table pending as
select *
from (
    from rejected_events where run <= $run
    qualify row_number() over (partition by source, file, "row", meter order by run desc) = 1
)
where (reason in ('unknown_account', 'unknown_meter') and $reference_moved)
   or (reason = 'future' and try_cast("timestamp" as timestamptz) <= (select latest from latest_timestamp))
