from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0005_predictions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Funnel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True)),
                ("spec", models.JSONField()),
                ("made_by", models.CharField(max_length=254)),
                ("made_at", models.DateTimeField()),
            ],
        ),
    ]
