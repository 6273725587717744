"""Steps that are done outside of a decision: static lists, under the turn, and signed calls, with a lease.

A change of a list and the step of its people commit together. A call is claimed with a lease, made without a
transaction, and settled: whoever answers may get it again after a kill, with the same `webhook-id`.
"""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import psycopg
from django.conf import settings
from django.db import transaction

from campaigns.journeys import reading
from campaigns.journeys.spec import Call, OnList
from common import clock, crypto, pg, turns
from common.http import AddressRefused, AllowList, Http, HttpProblem
from connectors import services as connectors
from segments import services as segments
from segments.selectors import static_list

AT_ONCE_LISTS, AT_ONCE_CALLS = 5_000, 32
_LEASE = timedelta(minutes=2)
MOST_TRIES = 8
_CLAIM = """
select i.id, i.campaign_id, i.version, i.person_id, m.profile_id, i.step, i.key, i.tries, c.secret, c.slug
from campaigns_instance i join campaigns_campaign c on c.id = i.campaign_id and c.state = 'running'
left join identity_member m on m.identifier_id = i.person_id
where i.state = 'active' and i.lane = %(lane)s and i.due_at <= %(now)s
order by i.due_at, i.id limit %(limit)s for update of i skip locked
"""
_ANY = """
select exists (select from campaigns_instance where state = 'active' and lane = %(lane)s and due_at <= %(now)s)
"""
_DONE = """
update campaigns_instance set lane = '', acted = true, due_at = %(now)s, tries = 0, problem = ''
where id = any(%(ids)s) and state = 'active'
"""
_LEASED = "update campaigns_instance set due_at = %(until)s, tries = tries + 1 where id = any(%(ids)s)"
_FAILED = """
update campaigns_instance i set problem = n.problem, due_at = n.due,
    lane = case when n.over then '' else i.lane end, acted = n.over
from unnest(%(ids)s, %(problems)s, %(due)s, %(over)s) as n (id, problem, due, over)
where i.id = n.id and i.state = 'active' and i.lane = 'webhook'
"""


class Waiting(NamedTuple):
    """Somebody at a step that is done outside."""

    id: int
    campaign_id: int
    version: int
    person_id: int
    profile_id: int | None
    step: str
    key: str
    tries: int
    secret: str
    slug: str


def change_lists(*, now: datetime, limit: int = AT_ONCE_LISTS) -> int:
    """Put those who wait for it on their lists, or take them off; answers how many."""
    with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
        if not _any(cursor, "list", now):
            return 0
        # The turn first: whoever else has it waits for no journey.
        turns.borrow(pg.raw())
        waiting = _claim(cursor, "list", now, limit)
        specs = reading.specs(cursor, [(one.campaign_id, one.version) for one in waiting])
        changes: dict[tuple[str, str], set[int]] = defaultdict(set)
        for one in waiting:
            step = specs[one.campaign_id, one.version].step(one.step)
            if isinstance(step, OnList) and one.profile_id is not None:
                changes[step.list, step.do].add(one.profile_id)
        for (name, do), people in changes.items():
            # A list that was deleted keeps nobody from going on.
            if static_list(name) is not None:
                segments.change_list(slug=name, now=now, **{do: _known(cursor, do, name, people)})
        cursor.execute(_DONE, {"ids": pg.int8s([one.id for one in waiting]), "now": now})
    return len(waiting)


def _known(cursor: psycopg.Cursor[Any], do: str, name: str, people: set[int]) -> set[int]:
    """Entries hang on identifiers: one is enough to be on a list, and all must go to be off it."""
    if do == "add":
        return people
    rows = cursor.execute("select identifier_id from identity_member where profile_id = any(%(ids)s)",
                          {"ids": pg.int8s(sorted(people))}).fetchall()  # fmt: skip
    return {row[0] for row in rows}


def make_calls(*, now: datetime, limit: int = AT_ONCE_CALLS) -> int:
    """Make the signed calls that are due, side by side; answers how many."""
    with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
        waiting = _claim(cursor, "webhook", now, limit)
        if not waiting:
            return 0
        specs = reading.specs(cursor, [(one.campaign_id, one.version) for one in waiting])
        cursor.execute(_LEASED, {"ids": pg.int8s([one.id for one in waiting]), "until": now + _LEASE})
    with Http(allow=AllowList.of(settings.OUTBOUND_ALLOW)) as http, ThreadPoolExecutor(max_workers=8) as pool:
        steps = [specs[one.campaign_id, one.version].step(one.step) for one in waiting]
        told = list(pool.map(lambda pair: _call(http, pair[0], pair[1], now), zip(waiting, steps, strict=True)))
    _settle(waiting, told, now=now)
    return len(waiting)


def _call(http: Http, one: Waiting, step: Any, now: datetime) -> tuple[str, bool]:
    """What went wrong, empty when nothing did; and whether another try may help."""
    if not isinstance(step, Call) or one.profile_id is None:
        return "", False
    body = orjson.dumps({
        "type": "campaign.step", "timestamp": clock.iso(now),
        "data": {"campaign": one.slug, "step": one.step, "profile_id": str(one.profile_id), "key": one.key},
    })  # fmt: skip
    signed = connectors.sign_webhook(
        [crypto.decrypt(one.secret)], message_id=f"journey_{one.id}_{one.step}",
        timestamp=int(now.timestamp()), body=body,
    )  # fmt: skip
    try:
        answer = http.post(step.url, content=body, headers={"content-type": "application/json", **signed})
    except HttpProblem as problem:
        return str(problem), not isinstance(problem, AddressRefused)
    if 200 <= answer.status < 300:
        return "", False
    return f"The address answered {answer.status}.", answer.status in (408, 423, 429) or answer.status >= 500


def _settle(waiting: Sequence[Waiting], told: Sequence[tuple[str, bool]], *, now: datetime) -> None:
    failed = [(one, *what) for one, what in zip(waiting, told, strict=True) if what[0]]
    done = [one.id for one, (problem, _) in zip(waiting, told, strict=True) if not problem]
    with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
        cursor.execute(_DONE, {"ids": pg.int8s(done), "now": now})
        over = [not again or one.tries + 1 >= MOST_TRIES for one, _, again in failed]
        cursor.execute(_FAILED, {
            "ids": pg.int8s([one.id for one, _, _ in failed]),
            "problems": pg.texts(problem for _, problem, _ in failed),
            "due": pg.timestamps([
                clock.micros(now if last else now + timedelta(seconds=30 * 2**one.tries))
                for (one, _, _), last in zip(failed, over, strict=True)
            ]),
            "over": pg.bools(over),
        })  # fmt: skip


def _any(cursor: psycopg.Cursor[Any], lane: str, now: datetime) -> bool:
    row = cursor.execute(_ANY, {"lane": lane, "now": now}).fetchone()
    return bool(row and row[0])


def _claim(cursor: psycopg.Cursor[Any], lane: str, now: datetime, limit: int) -> list[Waiting]:
    return [Waiting(*row) for row in cursor.execute(_CLAIM, {"lane": lane, "now": now, "limit": limit}).fetchall()]
