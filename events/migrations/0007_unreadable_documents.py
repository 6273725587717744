from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0006_withheld"),
    ]

    operations = [
        migrations.AddField(
            model_name="quarantineditem",
            name="raw",
            field=models.BinaryField(null=True),
        ),
    ]
