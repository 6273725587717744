"""What Django's models cannot say: storage settings of the hot tables, and the two views other apps may join."""

from django.db import migrations

# Free room on each page keeps most updates HOT: no new index entries when only traits or claims change.
STORAGE = """
alter table identity_profile set (fillfactor = 75);
alter table identity_claim set (fillfactor = 80);
alter table identity_identifier set (fillfactor = 85);
alter table identity_identifier alter column quarantine set default '';
alter table identity_link alter column retracted_by set default '';
alter table identity_link alter column retracted_reason set default '';
alter table identity_cannotlink alter column retracted_by set default '';
alter table identity_refusal alter column detail set default '';
alter table identity_reviewpair alter column weights set default '{}';
alter table identity_reviewpair alter column state set default 'open';
alter table identity_reviewpair alter column decided_by set default '';
"""
UNDO_STORAGE = """
alter table identity_profile reset (fillfactor);
alter table identity_claim reset (fillfactor);
alter table identity_identifier reset (fillfactor);
"""

VIEWS = """
create view identity_member as select id as identifier_id, profile_id from identity_identifier;
create view identity_trait as select id as profile_id, traits from identity_profile;
"""
UNDO_VIEWS = """
drop view identity_trait;
drop view identity_member;
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_initial")]

    operations = [
        migrations.RunSQL(STORAGE, UNDO_STORAGE),
        migrations.RunSQL(VIEWS, UNDO_VIEWS),
    ]
