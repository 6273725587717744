from typing import Any

from django.db import migrations


def encrypt_kept(apps: Any, _: Any) -> None:
    from common import crypto

    for row in apps.get_model("api", "IdempotentAnswer").objects.filter(status__isnull=False).iterator(500):
        row.body = crypto.encrypt(bytes(row.body).decode()).encode()
        row.save(update_fields=["body"])


class Migration(migrations.Migration):
    """What is kept of answers, for a day, was readable in the table."""

    dependencies = [("api", "0001_initial")]
    operations = [migrations.RunPython(encrypt_kept, migrations.RunPython.noop)]
