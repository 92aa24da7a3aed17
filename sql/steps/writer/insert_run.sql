-- A run begins.
insert into runs values ($run, $job, $command, now())
