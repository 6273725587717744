from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0009_feature_files"),
    ]

    operations = [
        migrations.CreateModel(
            name="EngagementVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.IntegerField(unique=True)),
                ("parts", models.JSONField()),
                ("made_by", models.CharField(max_length=254)),
                ("made_at", models.DateTimeField()),
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
                ],
                max_length=16,
            ),
        ),
    ]
