from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cdp", "0001_demo_truth")]

    operations = [
        migrations.AddField(
            model_name="demoplay",
            name="looked_back_at",
            field=models.DateTimeField(null=True),
        ),
    ]
