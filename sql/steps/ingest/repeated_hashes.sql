-- Cheap when clean: only records whose hash comes twice, or meets one in the lake, are compared in full (design 7).
create or replace temp table repeated_hashes as
select identity_hash from repeated_in_batch
union
select identity_hash from standing_copies
