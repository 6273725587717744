"""What reading back from a channel found."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connectors", "0002_destinations")]
    operations = [
        migrations.AddField("run", "forgotten", models.IntegerField(null=True)),
        migrations.AddField("run", "foreign", models.IntegerField(null=True)),
        migrations.AddField("run", "read_back_problem", models.TextField(blank=True, default="")),
    ]
