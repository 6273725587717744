"""Consent as a view beside claims, the guard of its history, and what was told before as its first records."""

from django.db import migrations

STORAGE = """
alter table identity_consent set (fillfactor = 80);
alter table identity_consent alter column evidence set default '';
alter table identity_consent alter column by set default '';
alter table identity_consent alter column ip set default '';
alter table identity_consent alter column message_id set default '';

-- What traits are reconciled from. A refusal wins over a consent of the same time; a tiebreak of 2 and more is a word
-- that somebody chose, less a stamp (`identity.reconcile`).
create view identity_said as
select identifier_id, key, source_id, value, observed_at, tiebreak from identity_claim
union all
select identifier_id, ('consent_' || purpose || case channel when '' then '' else '.' || channel end) collate "C",
       source_id, to_jsonb(granted), repeated_at,
       ((case means when 'stamp' then 0 else 2 end) + (case when granted then 0 else 1 end))::bigint
from identity_consent;

create function identity_consent_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the history of consent is append-only';
end $$;
-- The condition is looked at without calling anything: repeats are frequent.
create trigger identity_consent_append_only before update on identity_consent for each row when (
    new.repeated_at < old.repeated_at
    or (new.id, new.identifier_id, new.purpose, new.channel, new.granted, new.said_at, new.recorded_at, new.source_id,
        new.means, new.text_version, new.evidence, new.by, new.ip, new.message_id)
       is distinct from
       (old.id, old.identifier_id, old.purpose, old.channel, old.granted, old.said_at, old.recorded_at, old.source_id,
        old.means, old.text_version, old.evidence, old.by, old.ip, old.message_id)
) execute function identity_consent_is_append_only();
"""
UNDO_STORAGE = """
drop trigger identity_consent_append_only on identity_consent;
drop function identity_consent_is_append_only();
drop view identity_said;
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0007_consent")]

    operations = [migrations.RunSQL(STORAGE, UNDO_STORAGE)]
