-- The outcome of the judging, record by record, without what the records say. (The hour by a division: date_trunc works
-- in calendars, and takes twenty times as long.) It takes 43 bytes a record in memory, more than anything else does, and goes
-- to the disk where that is too much.
create or replace temp table judgements as
select
    file::landed_name as file, "row", make_timestamptz(epoch_us("timestamp") // 3600000000 * 3600000000) as hour,
    identity_hash, reason
from judged
