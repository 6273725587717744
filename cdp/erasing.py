"""Erasure as the whole product does it: what `privacy` composes of the apps, and the stores that stand above them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from campaigns import services as campaigns
from cdp.pipeline.follow import follow_moves
from common import pg
from events.services import written_forms
from identity.contracts import Person
from privacy import services as privacy

# Answers that repeated API calls would get again; they hold what was asked and told.
_ANSWERS = """
delete from api_idempotentanswer a
where exists (select from unnest(%(texts)s) v where position(v in lower(encode(a.body, 'escape'))) > 0)
"""
_TRUTH = """
delete from cdp_demotruth t using unnest(%(kinds)s, %(values)s) as n (kind, value)
where t.kind = n.kind and t.value = n.value
"""


def run_erasures(*, now: datetime) -> int:
    """Work at every open request; answers how many are done."""
    return privacy.run_erasures(now=now, after=follow_moves, others=(_answers, _demo, campaigns.erase, _journeys))


def _answers(conn: psycopg.Connection[Any], person: Person) -> Mapping[str, int]:
    texts = sorted({form for key in person.keys for form in written_forms(key.value)})
    return {"api_idempotentanswer": conn.execute(_ANSWERS, {"texts": pg.texts(texts)}).rowcount}


def _journeys(conn: psycopg.Connection[Any], person: Person) -> Mapping[str, int]:
    return campaigns.erase_journeys(conn, identifier_ids=person.identifier_ids)


def _demo(conn: psycopg.Connection[Any], person: Person) -> Mapping[str, int]:
    given = {"kinds": pg.texts(key.kind for key in person.keys), "values": pg.texts(key.value for key in person.keys)}
    return {"cdp_demotruth": conn.execute(_TRUTH, given).rowcount}
