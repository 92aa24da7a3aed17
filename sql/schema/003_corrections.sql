-- Corrections of records as they were given (semantics 1), and what each comes to: the record as it counts now. Of several
-- rows of one record the newest holds. A correction of a record that has not come stands in the first table only.
create table corrections (
    source varchar not null, event_id varchar not null, "timestamp" timestamptz, action varchar not null,
    quantity decimal(38, 9), reason varchar not null, "by" varchar not null, run bigint not null);
create table corrected_events (
    source varchar not null, event_id varchar not null, "timestamp" timestamptz not null, account_id varchar not null,
    service_id varchar not null, resource_id varchar not null, meter varchar not null, quantity decimal(38, 9) not null,
    amount decimal(38, 9), dimensions varchar not null, file varchar not null, "row" bigint not null,
    action varchar not null, reason varchar not null, "by" varchar not null, run bigint not null)
