-- What a step must know before it reads, and again before it commits. A head before the newest rebuild does not count.
with state as (
    select
        coalesce(max(run) filter (where step = $step), 0) as posted,
        coalesce(max(run) filter (where step = $rebuild), 0) as rebuilt,
        count(*) filter (where list_contains($upstream, step) and run <= $run) as seen,
        coalesce(max(run) filter (where complete), 0) as complete_run,
        coalesce(bool_or(list_contains($downstream, step) and (run > $run or (run = $run and step <> $step))), false)
            as overtaken
    from step_heads
)
select
    if(posted > rebuilt, posted, 0) as head,
    rebuilt > 0 and len($caches::varchar[]) > (
        select count(distinct step) from step_heads where list_contains($caches::varchar[], step) and run > rebuilt) as lacks_caches,
    * exclude (rebuilt)
from state
