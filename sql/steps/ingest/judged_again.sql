-- New rows for what changed: the outcome of a refusal that was judged again.
select
    pending.* exclude (run) replace (
        case when set_aside.outcome is not null then set_aside.outcome else coalesce(judged.reason, 'accepted') end as reason)
from pending
join judged using (source, file, "row", meter)
left join set_aside using (source, file, "row", meter)
where pending.reason is distinct from coalesce(set_aside.outcome, judged.reason, 'accepted')
