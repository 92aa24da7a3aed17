-- One row a file: what became of its records.
with judged_files as (
    select file::varchar as file, sum(records) as records, coalesce(sum(records) filter (where reason is null), 0) as passed,
           coalesce(sum(records) filter (where reason is null and hour < $closed_until), 0) as passed_late
    from counted group by file
),
aside as (
    select file, count(*) filter (where outcome = 'duplicate') as duplicates, count(*) filter (where outcome = 'conflict') as conflicts,
           count(*) filter (where "timestamp" < $closed_until) as aside_late
    from set_aside group by file
),
unread as (select file, count(*) as unreadable from malformed group by file)
select
    file, (coalesce(records, 0) + coalesce(unreadable, 0))::bigint as records,
    (coalesce(passed, 0) - coalesce(duplicates, 0) - coalesce(conflicts, 0))::bigint as accepted,
    coalesce(duplicates, 0)::bigint as duplicates,
    (coalesce(records, 0) - coalesce(passed, 0) + coalesce(conflicts, 0) + coalesce(unreadable, 0))::bigint as refused,
    (coalesce(passed_late, 0) - coalesce(aside_late, 0))::bigint as late
from judged_files full join unread using (file) left join aside using (file)
