from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0004_personalisation")]

    operations = [
        migrations.AddField(
            model_name="suppressedcontact",
            name="lifted_at",
            field=models.DateTimeField(null=True),
        ),
    ]
