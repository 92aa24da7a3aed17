-- Rows with a record that is refused, or of no usual day, or has an identity that may not be its own.
create or replace temp table unusual_rows as
select distinct file, "row" from judgements
where reason is not null or hour not in (select hour from usual_hours)
   or identity_hash in (select identity_hash from repeated_hashes)
