"""Names that people can choose from while they write a rule or fill in a form."""

from datetime import datetime, timedelta

from django.db import connection

from events import selectors as log

_LOOKED_AT = 1_000
_NAMED_WITHIN = timedelta(days=60)
_TRAITS = """
select distinct key from (select traits from identity_trait limit %s) known, jsonb_object_keys(known.traits) key
order by key limit 300
"""


def trait_names() -> list[str]:
    """The traits of a thousand people: enough to suggest from, cheap at any size."""
    with connection.cursor() as cursor:
        cursor.execute(_TRAITS, [_LOOKED_AT])
        return [str(row[0]) for row in cursor.fetchall()]


def event_names(*, now: datetime) -> list[str]:
    """The events of late, the most frequent first."""
    return [name for name, _ in log.event_names(since=now - _NAMED_WITHIN)]
