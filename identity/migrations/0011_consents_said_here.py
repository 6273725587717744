"""Consents that were said to people here have no source; among claims their source is -1, for 0 is what was computed."""

from django.db import migrations

VIEW = """
create or replace view identity_said as
select identifier_id, key, source_id, value, observed_at, tiebreak from identity_claim
union all
select identifier_id, ('consent_' || purpose || case channel when '' then '' else '.' || channel end) collate "C",
       {source}, to_jsonb(granted), repeated_at,
       ((case means when 'stamp' then 0 else 2 end) + (case when granted then 0 else 1 end))::bigint
from identity_consent;
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0010_counts_of_terms")]

    operations = [
        migrations.RunSQL(
            VIEW.format(source="case source_id when 0 then -1 else source_id end"), VIEW.format(source="source_id")
        )
    ]
