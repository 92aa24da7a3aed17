-- The accounts that the records of a file name, each with the times of its first and last record. What has no such
-- account, or a time that is none, is refused when it is taken.
select account_id, min("timestamp") as first, max("timestamp") as last
from yielded
where trim(account_id) <> '' and "timestamp" >= '1970-01-01'::timestamptz and "timestamp" < '9999-01-01'::timestamptz
group by account_id
order by account_id
