"""Dates that name no zone, read by the clocks of a place: `segments.values.instant` with a zone; a property test holds
them equal. `at time zone` is immutable for a given name, as far as PostgreSQL can tell."""

from django.db import migrations

FORWARD = """
create function segments_instant(v jsonb, zone text) returns timestamptz language sql immutable parallel safe as $$
    select case when (v #>> '{}') ~ '[T ].*(Z|[+-][0-9]{2}:[0-5][0-9])$' then found
           else (found at time zone 'UTC') at time zone zone end
    from (select segments_instant(v) as found) as n
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("segments", "0005_publications")]
    operations = [migrations.RunSQL(FORWARD, "drop function segments_instant(jsonb, text);")]
