"""Runs of one person, and how many tries a run's rows took."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connectors", "0003_drift")]
    operations = [
        migrations.AlterField(
            "run",
            "kind",
            models.CharField(choices=[("changes", "Changes"), ("resync", "Resync"), ("test", "Test")], max_length=16),
        ),
        # Filled in by the database too: a worker of the version before does not know the column.
        migrations.AddField("run", "retried", models.IntegerField(default=0, db_default=0)),
    ]
