"""The hot-path door, one scenario a test."""

from typing import Any

import psycopg

from identity.contracts import Move
from identity.services import Memory
from tests.identity.people import call, groups, people, profile_of, tell

Connection = psycopg.Connection[Any]


def test_an_anonymous_visitor_gets_a_profile(conn: Connection) -> None:
    resolution = tell(conn, [call(1, anonymous_id="a1")])
    assert groups(conn) == {frozenset({"anonymous_id:a1"})}
    assert resolution.created == resolution.profile_ids.tolist() == resolution.identifier_ids.tolist()


def test_signing_in_hands_the_anonymous_profile_over_to_the_person(conn: Connection) -> None:
    memory = Memory()
    first = tell(conn, [call(1, anonymous_id="a1", traits={"plan": "free"})], memory=memory)
    second = tell(conn, [call(2, user_id="u1", anonymous_id="a1")], memory=memory)
    anonymous, user = first.identifier_ids[0], second.identifier_ids[0]
    assert second.moved == [Move(anonymous, anonymous, user)]
    assert (second.created, second.retired, second.traits_changed) == ([user], [anonymous], {user})
    assert people(conn) == {frozenset({"anonymous_id:a1", "user_id:u1"}): {"plan": "free"}}


def test_a_second_device_of_a_known_person_attaches_to_the_same_profile(conn: Connection) -> None:
    tell(conn, [call(1, user_id="u1", anonymous_id="a1")], [call(2, user_id="u1", anonymous_id="a2")])
    assert groups(conn) == {frozenset({"user_id:u1", "anonymous_id:a1", "anonymous_id:a2"})}


def test_a_shared_tablet_belongs_to_nobody(conn: Connection) -> None:
    tell(
        conn,
        [call(1, user_id="u1", anonymous_id="tablet")],
        [call(2, user_id="u2", anonymous_id="tablet"), call(3, user_id="u3", anonymous_id="tablet")],
    )
    assert groups(conn) == {
        frozenset({"user_id:u1"}), frozenset({"user_id:u2"}), frozenset({"user_id:u3"}),
        frozenset({"anonymous_id:tablet"}),
    }  # fmt: skip


def test_a_leaked_constant_connects_nobody(conn: Connection) -> None:
    memory = Memory()
    for start in range(0, 600, 100):
        calls = [call(n, user_id=f"u{n}", email="everybody@shop.com") for n in range(start, start + 100)]
        tell(conn, calls, memory=memory)
    assert all(len(group) == 1 for group in groups(conn))
    components = psycopg.Cursor(conn).execute(
        "select count(*), max(n) from (select count(*) n from identity_identifier group by component_id) c"
    )
    assert components.fetchone() == (601, 1)


def test_later_claims_win_and_earlier_ones_do_not_overwrite(conn: Connection) -> None:
    tell(
        conn,
        [call(5, user_id="u1", traits={"plan": "pro", "name": "Ann"})],
        [call(3, user_id="u1", traits={"plan": "free", "city": "Ghent"})],
        [call(9, user_id="u1", traits={"name": "", "city": None, "plan": "undefined"})],
    )
    assert people(conn) == {frozenset({"user_id:u1"}): {"plan": "pro", "name": "Ann", "city": "Ghent"}}


def test_a_repeated_claim_writes_no_profile(conn: Connection) -> None:
    memory = Memory()
    tell(conn, [call(1, user_id="u1", traits={"plan": "pro"})], memory=memory)
    again = tell(conn, [call(2, user_id="u1", traits={"plan": "pro"})], memory=memory)
    assert again.traits_changed == set()


def test_previous_id_meets_its_namesake_before_or_after(conn: Connection) -> None:
    tell(conn, [call(1, user_id="u1", previous="a1")], [call(2, anonymous_id="a1")])
    tell(conn, [call(1, anonymous_id="a2")], [call(2, user_id="u2", previous="a2")])
    assert profile_of(conn, "user_id", "u1") == profile_of(conn, "anonymous_id", "a1")
    assert profile_of(conn, "user_id", "u2") == profile_of(conn, "anonymous_id", "a2")


def test_two_user_ids_joined_only_by_alias_stay_apart_and_the_reason_is_kept(conn: Connection) -> None:
    tell(conn, [call(1, user_id="old", email="ann@shop.com")], [call(2, user_id="new", previous="old")])
    assert profile_of(conn, "user_id", "old") != profile_of(conn, "user_id", "new")
    assert profile_of(conn, "previous_id", "old") == profile_of(conn, "user_id", "old")
    reasons = psycopg.Cursor(conn).execute("select reason, detail from identity_refusal").fetchall()
    assert reasons == [("alias", "user_id")]


def test_an_id_that_is_its_own_previous_id_says_nothing(conn: Connection) -> None:
    tell(conn, [call(1, user_id="u1", previous="u1")])
    assert groups(conn) == {frozenset({"user_id:u1", "previous_id:u1"})}


def test_a_link_seen_earlier_but_told_later_decides_who_keeps_the_email(conn: Connection) -> None:
    first, second = call(5, user_id="u1", email="ann@shop.com"), call(3, user_id="u2", email="ann@shop.com")
    tell(conn, [first], [second])
    assert profile_of(conn, "email", "ann@shop.com") == profile_of(conn, "user_id", "u2")
    tell(conn, [first._replace(at=1)])
    assert profile_of(conn, "email", "ann@shop.com") == profile_of(conn, "user_id", "u1")
