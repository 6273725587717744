"""Only terms are counted: how many share a blocking key is read off the index of keys, where it cannot be wrong.

Without the counts of keys, which were most of it, the table is written anew. It can be made of the records at any time.
"""

from django.db import migrations

COUNT = """
truncate identity_blockcount;
insert into identity_blockcount (key_hash, records)
select key_hash, count(*) from (select unnest({counted}) as key_hash from identity_linkagerecord) as k group by key_hash;
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0009_consents_told_before")]

    operations = [migrations.RunSQL(COUNT.format(counted="terms"), COUNT.format(counted="keys || terms"))]
