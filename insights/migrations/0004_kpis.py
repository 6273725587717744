from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0003_recommendations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Annotation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_index=True)),
                ("kind", models.CharField(max_length=20)),
                ("text", models.CharField(max_length=300)),
                ("link", models.CharField(blank=True, max_length=300)),
                ("key", models.CharField(max_length=200, null=True, unique=True)),
                ("made_by", models.CharField(max_length=254)),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="KpiBaseline",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True)),
                ("first", models.DateField()),
                ("last", models.DateField()),
                ("sums", models.JSONField()),
                ("kept_by", models.CharField(max_length=254)),
                ("kept_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="KpiState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("counted_with", models.JSONField(default=dict)),
                ("seen_until", models.DateTimeField()),
                ("whole_at", models.DateTimeField()),
                ("counted_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="KpiDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("by", models.CharField(blank=True, max_length=8)),
                ("key", models.CharField(blank=True, max_length=20)),
                ("people", models.BigIntegerField(default=0)),
                ("people_7d", models.BigIntegerField(default=0)),
                ("people_30d", models.BigIntegerField(default=0)),
                ("people_before", models.BigIntegerField(default=0)),
                ("people_kept", models.BigIntegerField(default=0)),
                ("events", models.BigIntegerField(default=0)),
                ("visits", models.BigIntegerField(default=0)),
                ("visit_seconds", models.BigIntegerField(default=0)),
                ("visitors", models.BigIntegerField(default=0)),
                ("converted", models.BigIntegerField(default=0)),
                ("orders", models.BigIntegerField(default=0)),
                ("repeat_orders", models.BigIntegerField(default=0)),
                ("micros", models.DecimalField(decimal_places=0, default=0, max_digits=30)),
                ("nps_answers", models.BigIntegerField(default=0)),
                ("nps_balance", models.BigIntegerField(default=0)),
                ("csat_answers", models.BigIntegerField(default=0)),
                ("csat_satisfied", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("by", "key", "day"), name="insights_kpiday_unique")],
            },
        ),
    ]
