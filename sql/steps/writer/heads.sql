-- Of every step its newest run, how many commits it has for runs up to one, and the newest run that it made whole.
select
    step, max(run), count(*) filter (where run <= $run), coalesce(max(run) filter (where complete), 0)
from step_heads
group by step
