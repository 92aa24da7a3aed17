-- How many rows need a second look: a record of theirs is refused, repeated or of another day, or they hold none.
select (select count(*) from unusual_rows) + (select count(*) from malformed)
