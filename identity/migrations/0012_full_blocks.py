from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0011_consents_said_here")]

    operations = [
        migrations.CreateModel(
            name="FullBlock",
            fields=[("key_hash", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"db_table": "identity_fullblock"},
        ),
    ]
