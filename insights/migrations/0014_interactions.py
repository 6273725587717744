from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0013_lifetime_boosting"),
    ]

    operations = [
        migrations.AddField(
            model_name="declaredfeature",
            name="left",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
        migrations.AddField(
            model_name="declaredfeature",
            name="right",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
    ]
