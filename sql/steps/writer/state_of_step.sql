-- What a step must know before it reads, and again before it commits.
select
    coalesce(max(run) filter (where step = $step), 0) as head,
    count(*) filter (where list_contains($upstream, step) and run <= $run) as seen,
    coalesce(max(run) filter (where complete), 0) as complete_run,
    coalesce(bool_or(list_contains($downstream, step) and (run > $run or (run = $run and step <> $step))), false)
        as overtaken
from step_heads
