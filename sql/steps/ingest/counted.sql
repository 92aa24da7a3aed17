-- How many records each file yields, by outcome of the judging and by hour.
create or replace temp table counted as
select file, reason, date_trunc('hour', "timestamp") as hour, count(*) as records from judged group by all
