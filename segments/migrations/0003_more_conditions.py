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

# What was counted of the past and is not merged yet. After a crash of the database it is counted again.
STAGED = "create unlogged table segments_staged (identifier_id bigint not null, entries bytea not null);"

# A function with a subquery is called for each row, which costs twenty times what an expression does. The usual case,
# a JSON number of a usual size, becomes an expression that PostgreSQL puts in the place of the call.
INLINED = """
alter function segments_number(jsonb) rename to segments_number_of_any;
alter function segments_micros(jsonb) rename to segments_micros_of_any;

create function segments_number(v jsonb) returns double precision language sql immutable parallel safe as $$
    select case when jsonb_typeof(v) = 'number' and abs(v::numeric) between 1e-200 and 1e200 then v::double precision
           else segments_number_of_any(v) end
$$;
create function segments_micros(v jsonb) returns bigint language sql immutable parallel safe as $$
    select case when jsonb_typeof(v) = 'number' and abs(v::numeric) between 1e-200 and 9e9
           then trunc(v::double precision * 1e6::double precision
                      + case when v::numeric < 0 then -0.5 else 0.5 end)::bigint
           else segments_micros_of_any(v) end
$$;
"""
NOT_INLINED = """
drop function segments_micros(jsonb);
drop function segments_number(jsonb);
alter function segments_micros_of_any(jsonb) rename to segments_micros;
alter function segments_number_of_any(jsonb) rename to segments_number;
"""


class Migration(migrations.Migration):
    dependencies = [("segments", "0002_storage_and_values")]
    operations = [
        migrations.RunSQL(INLINED, NOT_INLINED),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AddField("measure", "kind", models.CharField(default="sum", max_length=8)),
        migrations.AlterField("measure", "key", models.TextField()),
        migrations.AddField("measure", "filling", models.BooleanField(default=False)),
        migrations.AddConstraint(
            "measure", models.UniqueConstraint(fields=["key", "filling"], name="segments_measure_unique")
        ),
        migrations.RunSQL(STAGED, "drop table segments_staged;"),
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
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "identifier_id", "list_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
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
