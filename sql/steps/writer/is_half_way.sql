-- Whether a run has written the first of these steps and not yet the last one.
select coalesce(max(run) filter (where list_contains($steps, step)), 0)
     > coalesce(max(run) filter (where step = $last), 0)
from step_heads
