-- Percentiles that were not metered, since their billing period has fewer samples than the meter asks for (semantics 2).
-- A cache of differences, like usage_hourly: sum the samples.
create table short_percentiles (
    account_id varchar not null, service_id varchar not null, resource_id varchar not null, meter varchar not null,
    dimensions varchar not null, slice_start timestamptz not null, samples bigint not null, run bigint not null);
