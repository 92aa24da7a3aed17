-- Records of a day that are known to be accepted, so that nothing is left to judge.
select
    source::usual_source as source, event_id, "timestamp", account_id, coalesce(service_id, '')::usual_service_id as service_id,
    resource_id, meter, quantity, amount, dimensions::usual_dimensions as dimensions,
    file::landed_name as file, "row"
from yielded
where "timestamp" >= $day::timestamptz and "timestamp" < $day::timestamptz + interval 1 day
