-- Texts that are the same in all records; null where they are not.
select
    case when min(coalesce(service_id, '')) = max(coalesce(service_id, '')) then max(coalesce(service_id, '')) end as service_id,
    case when min(dimensions) = max(dimensions) then max(dimensions) end as dimensions
from yielded
