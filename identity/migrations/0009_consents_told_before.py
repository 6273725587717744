"""Consents that were kept as claims become records: of each source the latest word, as a trait that it told."""

from django.db import migrations

MOVE = """
insert into identity_consent (identifier_id, purpose, channel, granted, said_at, repeated_at, recorded_at, source_id,
                              means)
select identifier_id, left(substr(key, 9), 64), '', value = 'true', observed_at, observed_at, now(), source_id, 'trait'
from identity_claim
where key ~ '^consent_[a-z0-9_]+$' and value in ('true', 'false');
delete from identity_claim where key ~ '^consent_[a-z0-9_]+$' and value in ('true', 'false');
"""
BACK = """
insert into identity_claim (identifier_id, key, source_id, value, observed_at, tiebreak)
select distinct on (identifier_id, purpose, source_id)
       identifier_id, 'consent_' || purpose, source_id, to_jsonb(granted), repeated_at, 0
from identity_consent where channel = '' order by identifier_id, purpose, source_id, repeated_at desc, granted
on conflict do nothing;
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0008_consent_storage")]

    operations = [migrations.RunSQL(MOVE, BACK)]
