"""Counters of the least, the greatest and the distinct values; static lists; what governs a segment."""

import django.db.models.deletion
from django.db import migrations, models

# `segments.values.value_hash`; a property test holds the two equal.
FORWARD = """
create function segments_value_hash(v jsonb) returns bigint language sql immutable parallel safe as $$
    select ('x' || substr(md5(t), 1, 16))::bit(64)::bigint
    from (select case
        when f is not null then 'n' || encode(float8send(f + 0), 'hex')
        when jsonb_typeof(v) = 'boolean' then case when v::boolean then 'b1' else 'b0' end
        when jsonb_typeof(v) = 'string' then 's' || (v #>> '{}')
        end as t
    from (select segments_number(v) as f) as n) as told
$$;
"""
BACKWARD = "drop function segments_value_hash(jsonb);"


class Migration(migrations.Migration):
    dependencies = [("segments", "0002_storage_and_values")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AddField("measure", "kind", models.CharField(default="sum", max_length=8)),
        migrations.AddField("segment", "tags", models.JSONField(default=list)),
        migrations.CreateModel(
            "StaticList",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("slug", models.SlugField(max_length=80, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("created_by", models.CharField(blank=True, default="", max_length=200)),
                ("created_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            "ListEntry",
            [
                ("pk", models.CompositePrimaryKey("identifier_id", "list_id")),
                ("identifier_id", models.BigIntegerField()),
                (
                    "list",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="segments.staticlist"
                    ),
                ),
                ("added_at", models.DateTimeField()),
            ],
        ),
    ]
