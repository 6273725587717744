"""What kinds of identifiers each profile has, for apps that count whom a channel could reach."""

from django.db import migrations

FORWARD = "create view identity_contact as select profile_id, kind from identity_identifier where quarantine = '';"
BACKWARD = "drop view identity_contact;"


class Migration(migrations.Migration):
    dependencies = [("identity", "0005_linkage_runs")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
