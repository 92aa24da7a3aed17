-- Caches of metering (semantics 2). Percentiles that were not metered, since their billing period has fewer samples than the
-- meter asks for: differences, like usage_hourly; sum the samples. And since when there are samples of a counter's series:
-- the earliest row of a series counts; it spares looking for older samples where there are none.
create table short_percentiles (
    account_id varchar not null, service_id varchar not null, resource_id varchar not null, meter varchar not null,
    dimensions varchar not null, slice_start timestamptz not null, samples bigint not null, run bigint not null);
create table counter_series (
    resource_id varchar not null, meter varchar not null, series varchar not null, first_sample timestamptz not null,
    run bigint not null);
