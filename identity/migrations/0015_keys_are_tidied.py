"""The index of blocking keys answers by itself only where the table's pages are known to hold nothing that is gone.

A fifth of the table, where PostgreSQL tidies up by default, is as many changes as there are people: long before that
every page has lost somebody, and each candidate is looked for in the table too, at three times the cost.
"""

from django.db import migrations

TIDY = "alter table identity_blockingkey set (autovacuum_vacuum_scale_factor = 0.005)"
AS_USUAL = "alter table identity_blockingkey reset (autovacuum_vacuum_scale_factor)"


class Migration(migrations.Migration):
    dependencies = [("identity", "0014_records_as_text")]

    operations = [migrations.RunSQL(TIDY, AS_USUAL)]
