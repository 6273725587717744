from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0006_funnels"),
    ]

    operations = [
        migrations.AddField(
            model_name="kpistate",
            name="currency",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
    ]
