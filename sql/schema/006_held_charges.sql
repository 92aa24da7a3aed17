-- What slices cost that is booked when their period is over only (`book: close`): differences like charges, in the same
-- columns. The charges of these slices have their quantity and an amount of zero.
create table held_charges (
    account_id varchar not null, service_id varchar not null, resource_id varchar not null, meter varchar not null,
    dimensions varchar not null, slice_start timestamptz not null, subscription_id varchar not null, plan varchar not null,
    price_id varchar not null, version varchar not null, currency varchar not null, kind varchar not null,
    period_start timestamptz not null, quantity_delta decimal(38, 9) not null, amount_delta decimal(38, 18) not null,
    run bigint not null);
alter table held_charges set partitioned by (year(slice_start), month(slice_start), day(slice_start))
