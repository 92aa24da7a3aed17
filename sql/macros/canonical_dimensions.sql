-- Dimensions as JSON text with sorted keys; null where they are not a flat map of text (semantics 2): also where a key
-- stands twice, since one of the two values would be lost.
create or replace temp macro canonical_dimensions(v) as
    case when v is null or v = '' or v = '{}' or v = 'null' then '{}'
         when json_valid(v) and json_type(v) = 'OBJECT' and len(json_keys(v)) = len(list_distinct(json_keys(v)))
         then case when list_bool_and(list_transform(
                        map_values(try_cast(v::json as map(varchar, json))), x -> coalesce(json_type(x) = 'VARCHAR', false)))
                   then to_json(map_from_entries(list_sort(map_entries(try_cast(v::json as map(varchar, varchar))))))::varchar
                   when len(json_keys(v)) = 0 then '{}' end end
