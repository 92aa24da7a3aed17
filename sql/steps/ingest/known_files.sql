-- What is known of each file by its name, and of what content was taken.
select source, file, sha256, size, modified_ns, status, records, error from ingested_files where run <= $run
