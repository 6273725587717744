"""Storage parameters of the hot tables, and the two readings of JSON values that rules share with Python.

`segments_number` and `segments_instant` say the same as `segments.values.number` and `instant`; a property test holds
them equal.
"""

from django.db import migrations

FORWARD = """
alter table segments_activity set (fillfactor = 70);
alter table segments_activity alter column entries set storage main;
alter table segments_membership set (fillfactor = 70);
alter table segments_membership alter column bits set storage main;
alter table segments_size set (fillfactor = 50);
alter table segments_sizehour set (fillfactor = 70);

create function segments_number(v jsonb) returns double precision language sql immutable parallel safe as $$
    select case when abs(f) < 1e300 then case when abs(f) < 1e-300 then 0 else f end end
    from (select case jsonb_typeof(v)
        when 'number' then
            case when abs(v::numeric) > 1e305 then null when abs(v::numeric) < 1e-305 then 0
                 else (v #>> '{}')::double precision end
        when 'string' then
            case when (v #>> '{}') ~ '^[+-]?[0-9]{1,15}([.][0-9]{1,15})?$' then (v #>> '{}')::double precision end
        end as f) as n
$$;

create function segments_micros(v jsonb) returns bigint language sql immutable parallel safe as $$
    select case when abs(f) <= 1e10
           then trunc(f * 1e6::double precision + case when f < 0 then -0.5 else 0.5 end)::bigint else 0 end
    from (select segments_number(v) as f) as n
$$;

create function segments_instant(v jsonb) returns timestamptz language sql immutable parallel safe as $$
    select case when pg_input_is_valid(t, 'timestamptz') then t::timestamptz end
    from (select case
        when jsonb_typeof(v) <> 'string' then null
        when (v #>> '{}') ~ ('^' || d || '$') then (v #>> '{}') || ' 00:00:00Z'
        when (v #>> '{}') ~ ('^' || d || h || '$') then (v #>> '{}') || 'Z'
        when (v #>> '{}') ~ ('^' || d || h || z || '$') then v #>> '{}'
        end as t
    from (select '[12][0-9]{3}-[0-9]{2}-[0-9]{2}' as d,
                 '[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?' as h,
                 '(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])' as z) as p) as n
$$;
"""

BACKWARD = """
drop function segments_instant(jsonb);
drop function segments_micros(jsonb);
drop function segments_number(jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [("segments", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
