"""How linkage finds changed profiles without making every change of a profile dearer."""

from django.db import migrations

# BRIN, not a B-tree: an index that only summarises pages keeps updates of a profile HOT.
CREATE = """
create index identity_profile_updated on identity_profile using brin (updated_at)
    with (pages_per_range = 16, autosummarize = on);
alter table identity_linkagestate alter column after_id set default 0;
alter table identity_linkagestate alter column swept_to set default 0;
alter table identity_blockcount set (fillfactor = 80);
alter table identity_linkagerecord set (fillfactor = 85);
"""
DROP = "drop index identity_profile_updated"


class Migration(migrations.Migration):
    dependencies = [("identity", "0003_linkage_tables")]

    operations = [migrations.RunSQL(CREATE, DROP)]
