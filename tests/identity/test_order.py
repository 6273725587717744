"""The same evidence in any order and any batches gives the same people, the same traits and the same reasons."""

import random
from typing import Any

import psycopg
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import pg
from identity import services
from identity.services import Memory
from tests.identity.people import NOW, Call, groups, people, snapshot, tell

_VALUES = {
    "user_id": ["u1", "u2", "u1"],
    "email": ["ann@shop.com", "ann@shop.com", "bob@shop.com"],
    "device_id": ["tablet"],
    "anonymous_id": ["a1", "a2", "u1"],
}
calls = st.builds(
    Call,
    st.dictionaries(st.sampled_from(list(_VALUES)), st.integers(0, 2), min_size=1).map(
        lambda chosen: tuple(
            (kind, _VALUES[kind][place % len(_VALUES[kind])]) for kind, place in sorted(chosen.items())
        )
    ),
    st.integers(0, 9),
    st.dictionaries(st.sampled_from(["plan", "name"]), st.sampled_from(["x", "y", "", None]), max_size=2).map(
        lambda traits: tuple(sorted(traits.items()))
    ),
    st.integers(1, 2),
    st.sampled_from(["", "", "", "u1", "u2", "a1"]),
)
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def reasons(conn: psycopg.Connection[Any]) -> set[Any]:
    rows = psycopg.Cursor(conn).execute(
        "select least(x.kind || x.value, y.kind || y.value), greatest(x.kind || x.value, y.kind || y.value), reason,"
        " detail"
        " from identity_refusal r join identity_identifier x on x.id = r.a join identity_identifier y on y.id = r.b"
    )
    return set(rows.fetchall())


class _Rollback(Exception):
    pass


def outcome_of(batches: list[list[Call]], *, forget: bool = False) -> Any:
    """Apply in a transaction of its own that is rolled back; a rebuild in it must find nothing to do."""
    result: Any = None
    try:
        with transaction.atomic():
            conn, memory = pg.raw(), Memory()
            for batch in batches:
                if forget:
                    memory.forget()
                tell(conn, batch, memory=memory)
            result = (groups(conn), people(conn), reasons(conn))
            before = snapshot(conn)
            assert services.rebuild_profiles(now=NOW).healthy
            assert snapshot(conn) == before
            raise _Rollback
    except _Rollback:
        return result


@FEW
@given(st.lists(calls, min_size=1, max_size=14), st.randoms(use_true_random=False), st.integers(1, 5), st.booleans())
def test_order_and_batching_do_not_matter(
    db: None, told: list[Call], rng: random.Random, size: int, forget: bool
) -> None:
    shuffled = told.copy()
    rng.shuffle(shuffled)
    batches = [shuffled[start : start + size] for start in range(0, len(shuffled), size)]
    assert outcome_of([told]) == outcome_of(batches, forget=forget)


@FEW
@given(st.lists(calls, min_size=2, max_size=12), st.data())
def test_unmerge_after_merge_gives_the_profiles_back_byte_for_byte(
    db: None, told: list[Call], data: st.DataObject
) -> None:
    try:
        with transaction.atomic():
            conn = pg.raw()
            tell(conn, told)
            live = sorted(profile for (profile,) in psycopg.Cursor(conn).execute("select id from identity_profile"))
            before = snapshot(conn)
            a, b = data.draw(st.sampled_from(live)), data.draw(st.sampled_from(live))
            merged = services.merge(a, b, by="sam", reason="same", now=NOW)
            assert merged.done or snapshot(conn) == before
            if merged.decision_id is not None:
                assert services.undo_decision(merged.decision_id, by="sam", now=NOW).done
            assert snapshot(conn) == before
            assert services.rebuild_profiles(now=NOW).healthy
            raise _Rollback
    except _Rollback:
        pass


@FEW
@given(st.lists(calls, min_size=2, max_size=12), st.data())
def test_undoing_a_split_gives_the_profile_back_byte_for_byte(db: None, told: list[Call], data: st.DataObject) -> None:
    try:
        with transaction.atomic():
            conn = pg.raw()
            tell(conn, told)
            rows = psycopg.Cursor(conn).execute(
                "select profile_id, array_agg(id order by id) from identity_identifier group by 1"
            )
            profile, ids = data.draw(st.sampled_from(sorted(rows.fetchall())))
            before = snapshot(conn)
            taken = data.draw(st.sets(st.sampled_from(ids)))
            outcome = services.split(profile, taken, by="sam", reason="two people", now=NOW)
            assert services.rebuild_profiles(now=NOW).healthy
            if outcome.decision_id is not None:
                services.undo_decision(outcome.decision_id, by="sam", now=NOW)
            assert snapshot(conn) == before
            raise _Rollback
    except _Rollback:
        pass
