"""Parts of files are kept as they are: to compress each costs more processor time than to write it, and files go when
their rows are in."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("connectors", "0017_pull_accept_gone")]

    operations = [
        migrations.RunSQL(
            "alter table connectors_filepart alter column content set storage external",
            "alter table connectors_filepart alter column content set storage extended",
        )
    ]
