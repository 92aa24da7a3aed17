-- A step's head moves, in the step's own commit.
insert into step_heads values ($step, $run, $complete, now())
