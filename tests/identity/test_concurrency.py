"""Several writers at once on the same people, stewards among them: no deadlock, nothing twice, nothing left wrong."""

import random
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import close_old_connections, connection

from common import pg, turns
from identity import selectors, services
from identity.services import Memory, apply_evidence
from tests.identity.people import NOW, Call, call, evidence_of

ROUNDS = 25
PEOPLE = 12


def random_call(rng: random.Random, at: int) -> Call:
    person = rng.randrange(PEOPLE)
    carried: dict[str, Any] = {"anonymous_id": f"a{rng.randrange(PEOPLE * 2)}"}
    if rng.random() < 0.5:
        carried["user_id"] = f"u{person}"
    if rng.random() < 0.3:
        carried["email"] = f"p{rng.randrange(PEOPLE)}@shop.com"
    previous = f"u{rng.randrange(PEOPLE)}" if rng.random() < 0.1 else ""
    return call(at, traits={"n": rng.randrange(5)}, source=rng.randint(1, 2), previous=previous, **carried)


def apply_much(seed: int) -> None:
    """An applier with a connection and a memory of its own, as one worker process has."""
    rng, memory = random.Random(seed), Memory()
    with pg.connect() as conn:
        conn.execute("set lock_timeout = '180s'")
        conn.commit()
        for _ in range(ROUNDS):
            calls = [random_call(rng, rng.randrange(1000)) for _ in range(rng.randint(1, 20))]
            if not turns.take(conn, f"applier-{seed}"):
                memory.forget()
            apply_evidence(conn, evidence=evidence_of(calls), memory=memory, now=NOW)
            if rng.random() < 0.1:  # a crash: nothing was committed, so nothing may be remembered
                conn.rollback()
                memory.forget()
            else:
                conn.commit()
                memory.trim()


def steward_much(seed: int) -> None:
    """A steward who merges, splits and takes back."""
    rng = random.Random(seed)
    decided: list[int] = []
    for _ in range(ROUNDS):
        live = [row.id for row in selectors.profiles_page(limit=500)]
        if len(live) < 2:
            continue
        act = rng.randrange(3)
        if act == 0:
            outcome = services.merge(*rng.sample(live, 2), by="sam", reason="looks alike", now=NOW)
        elif act == 1:
            profile = rng.choice(live)
            taken = rng.sample(selectors.identifier_ids(profile), 1)
            outcome = services.split(profile, taken, by="sam", reason="another person", now=NOW)
        elif decided:
            outcome = services.undo_decision(decided.pop(rng.randrange(len(decided))), by="sam", now=NOW)
            continue
        else:
            continue
        if outcome.decision_id is not None:
            decided.append(outcome.decision_id)


def run_all(works: list[Callable[[], None]]) -> list[BaseException]:
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001 - every failure of a thread must reach the test
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(400)
    assert not any(thread.is_alive() for thread in threads)
    close_old_connections()
    return failures


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_appliers_and_stewards_at_once_leave_nothing_that_a_rebuild_would_change(seed: int) -> None:
    works: list[Callable[[], None]] = [lambda s=s: apply_much(seed * 100 + s) for s in range(3)]
    works += [lambda s=s: steward_much(seed * 100 + s) for s in (50, 51)]
    assert run_all(works) == []
    cursor = psycopg.Cursor(pg.raw())
    doubles = "select kind, value from identity_identifier group by 1, 2 having count(*) > 1"
    assert cursor.execute(doubles).fetchall() == []
    assert selectors.counts()["identifiers"] > PEOPLE
    rebuilt = services.rebuild_profiles(now=NOW)
    assert rebuilt.healthy, rebuilt
