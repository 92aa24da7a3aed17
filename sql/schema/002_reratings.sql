-- Who put which price right, and why (semantics 1): a price book that was taken although a document states its period.
create table reratings (
    period varchar not null, version varchar not null, effective_from timestamptz not null, sha256 varchar not null,
    reason varchar not null, "by" varchar not null, run bigint not null)
