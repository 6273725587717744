from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("quality", "0010_alerts_of_documents"),
    ]

    operations = [
        migrations.AddField(
            model_name="cleaningrule",
            name="when",
            field=models.JSONField(null=True),
        ),
    ]
