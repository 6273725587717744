"""The hot path asks the database as often for two hundred calls as for one."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from common import turns
from identity.services import Memory, apply_evidence
from tests.identity.people import NOW, Call, call, evidence_of, tell

Connection = psycopg.Connection[Any]
MOST = 13


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Statements that any psycopg cursor sends, by their first words."""
    seen: Counter[str] = Counter()
    send = psycopg.Cursor.execute

    def execute(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        seen[" ".join(str(query).split()[:6])] += 1
        return send(self, query, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", execute)
        yield seen


def visits(count: int, offset: int = 0) -> list[Call]:
    return [
        call(
            n + offset, user_id=f"u{n}", anonymous_id=f"a{n + offset}", email=f"p{n}@shop.com", previous=f"old{n}",
            traits={"plan": str(n + offset)},
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("known", [False, True])
def test_as_many_statements_for_two_hundred_calls_as_for_one(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    counts: list[Counter[str]] = []
    for size in (1, 200):
        if known:
            tell(conn, visits(size))
        turns.take(conn, "tests")
        with counted(monkeypatch) as seen:
            apply_evidence(conn, evidence=evidence_of(visits(size, 1000)), memory=Memory(), now=NOW)
        counts.append(seen)
        psycopg.Cursor(conn).execute(
            "truncate identity_identifier, identity_link, identity_claim, identity_profile, identity_refusal"
        )
    assert counts[0] == counts[1]
    assert sum(counts[1].values()) <= MOST


def test_known_people_who_say_nothing_new_cost_no_statement(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    calls = [call(n, user_id=f"u{n}", anonymous_id=f"a{n}") for n in range(50)]
    tell(conn, calls, memory=memory)
    later = evidence_of([one._replace(at=one.at + 100) for one in calls])
    with counted(monkeypatch) as seen:
        apply_evidence(conn, evidence=later, memory=memory, now=NOW)
    assert not seen
