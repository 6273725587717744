from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0005_suppression_lifted")]

    operations = [
        migrations.AddField(
            model_name="sendingchannel",
            name="per_second",
            field=models.FloatField(null=True),
        ),
    ]
