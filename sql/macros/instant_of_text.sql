-- An instant written as text, UTC where it names no zone; null where it cannot be read. ISO 8601 lets the seconds be left
-- out, and RFC 3339 lets T and Z be small; what is finer than a microsecond is cut off.
create or replace temp macro instant_of_text(v) as
    coalesce(try_cast(v as timestamptz), try_cast(
        regexp_replace(upper(trim(v)), '^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)(Z|[+-]\d\d.*)?$', '\1:00\2') as timestamptz))
