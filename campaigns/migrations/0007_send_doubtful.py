from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0006_channel_per_second")]

    operations = [
        migrations.AddIndex(
            model_name="send",
            index=models.Index(
                condition=Q(
                    ("state__in", ["unknown", "handing"]), Q(("attempts__gt", 0), ("state", "queued")), _connector="OR"
                ),
                fields=["key"],
                name="send_doubtful",
            ),
        ),
    ]
