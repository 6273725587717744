from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0011_online_models"),
    ]

    operations = [
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
                    ("sentiment", "Sentiment"),
                ],
                max_length=16,
            ),
        ),
    ]
