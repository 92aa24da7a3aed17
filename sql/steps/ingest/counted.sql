-- How many records each file yields, by outcome of the judging and by hour.
create or replace temp table counted as
select file, reason, hour, count(*) as records from judgements group by all
