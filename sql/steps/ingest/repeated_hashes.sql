-- Cheap when clean: only records whose hash comes twice, or meets one in the lake, are compared in full (design 7).
create or replace temp table repeated_hashes as
select identity_hash from judged where reason is null group by identity_hash having count(*) > 1
union
select identity_hash from standing_copies
