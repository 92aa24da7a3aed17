-- When the records were that new corrections are of: without a time it may be any.
select
    if(bool_or("timestamp" is null), timestamptz '-infinity', min("timestamp")) as first,
    if(bool_or("timestamp" is null), timestamptz 'infinity', max("timestamp")) as last
from corrections where run > $head and run <= $run having count(*) > 0
