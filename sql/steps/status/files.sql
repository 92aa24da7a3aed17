select
    count(*) filter (where status = 'taken') as taken, count(*) filter (where status = 'failed') as failed,
    coalesce(sum(accepted), 0) as accepted, coalesce(sum(duplicates), 0) as duplicates, coalesce(sum(late), 0) as late
from ingested_files where source not in ('accounts', 'subscriptions', 'grants', 'corrections', 'alert_rules')
