import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0010_engagement"),
    ]

    operations = [
        migrations.CreateModel(
            name="OnlineModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("body", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                ("state", models.JSONField(default=dict)),
                ("cutoff", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                (
                    "base",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="insights.predictionmodel",
                    ),
                ),
                (
                    "prediction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="insights.prediction",
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="run",
            name="kind",
            field=models.CharField(
                choices=[
                    ("rfm", "Rfm"),
                    ("clusters", "Clusters"),
                    ("cohorts", "Cohorts"),
                    ("recommendations", "Recommendations"),
                    ("training", "Training"),
                    ("scoring", "Scoring"),
                    ("lifetime", "Lifetime"),
                    ("engagement", "Engagement"),
                    ("online", "Online"),
                ],
                max_length=16,
            ),
        ),
    ]
