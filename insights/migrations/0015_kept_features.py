import django.contrib.postgres.fields
from django.db import migrations, models

# Rows live for seconds: compressing them would cost more than it saves.
_STORAGE = "alter table insights_touched alter column ids set storage external"
_USUAL = "alter table insights_touched alter column ids set storage extended"


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0014_interactions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Keeping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("writes", models.BigIntegerField(default=0)),
                ("computed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="KeptFeature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, unique=True)),
                ("leaving", models.BooleanField(default=False)),
                ("meaning", models.CharField(blank=True, default="", max_length=64)),
                ("position", models.BigIntegerField(null=True)),
                ("begun_at", models.DateTimeField(null=True)),
                ("counted", models.BigIntegerField(default=0)),
                ("whole_at", models.DateTimeField(null=True)),
                ("people", models.BigIntegerField(default=0)),
                ("kept_by", models.CharField(max_length=254)),
                ("kept_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Touched",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("noted_at", models.DateTimeField()),
                ("ripe_at", models.DateTimeField()),
                ("ids", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("size", models.IntegerField()),
            ],
        ),
        migrations.RunSQL(_STORAGE, _USUAL),
    ]
