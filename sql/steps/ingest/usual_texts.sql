-- Texts that are the same in all records; null where they are not.
select
    case when min(source) = max(source) then max(source) end as source,
    case when min(file) = max(file) then max(file) end as file,
    case when min(coalesce(service_id, '')) = max(coalesce(service_id, '')) then max(coalesce(service_id, '')) end as service_id,
    case when min(dimensions) = max(dimensions) then max(dimensions) end as dimensions
from yielded
