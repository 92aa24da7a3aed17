-- Dimensions as JSON text with sorted keys; null where they are not a flat map of text (semantics 2).
create or replace temp macro canonical_dimensions(v) as
    case when v is null or v = '' or v = '{}' then '{}'
         when json_valid(v) and json_type(v) = 'OBJECT' and coalesce(list_bool_and(list_transform(
              map_values(try_cast(v::json as map(varchar, json))), x -> json_type(x) = 'VARCHAR')), true)
         then coalesce(to_json(map_from_entries(list_sort(map_entries(try_cast(v::json as map(varchar, varchar))))))::varchar, '{}') end
