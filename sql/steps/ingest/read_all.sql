-- Reads every column of every record, as a batch does: what is damaged shows.
select (select max(hash(landed)) from landed), (select max(hash(yielded)) from yielded)
