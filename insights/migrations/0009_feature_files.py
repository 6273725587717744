from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0008_lifetime"),
    ]

    operations = [
        migrations.CreateModel(
            name="FeatureFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("features", models.JSONField()),
                ("as_of", models.DateTimeField()),
                ("segment_id", models.IntegerField(default=0)),
                ("label_days", models.IntegerField(default=0)),
                ("personal", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("expired", "Expired"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("job_id", models.BigIntegerField()),
                ("file_id", models.BigIntegerField(null=True)),
                ("rows", models.IntegerField(null=True)),
                ("size", models.BigIntegerField(null=True)),
                ("error", models.TextField(blank=True)),
                ("requested_by", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state", "waiting")), fields=["id"], name="insights_file_waiting")
                ],
            },
        ),
    ]
