"""The steward's door: what is decided can be seen, and taken back exactly."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from common.models import AuditEntry
from identity import selectors, services
from identity.contracts import Move
from identity.models import ReviewPair
from tests.identity.people import NOW, call, people, profile_of, snapshot, tell

Connection = psycopg.Connection[Any]
BY: dict[str, Any] = {"by": "sam@example.org", "reason": "same person on the phone", "now": NOW}


@pytest.fixture
def two_people(conn: Connection) -> tuple[int, int]:
    tell(
        conn,
        [call(1, email="ann@shop.com", anonymous_id="a1", traits={"name": "Ann"})],
        [call(2, user_id="u1", phone="+32470000001", traits={"name": "Anna", "plan": "pro"})],
    )
    return profile_of(conn, "email", "ann@shop.com"), profile_of(conn, "user_id", "u1")


def test_a_merge_keeps_the_older_id_and_reconciles_traits(conn: Connection, two_people: tuple[int, int]) -> None:
    ann, user = two_people
    outcome = services.merge(ann, user, **BY)
    assert (outcome.done, outcome.retired, outcome.traits_changed) == (True, (user,), {ann})
    view = selectors.profile_view(user)
    assert view is not None
    assert (view.id, dict(view.traits)) == (ann, {"name": "Anna", "plan": "pro"})
    assert user in view.merged_from


def test_undoing_a_merge_gives_both_profiles_back_byte_for_byte(conn: Connection, two_people: tuple[int, int]) -> None:
    before = snapshot(conn)
    outcome = services.merge(*two_people, **BY)
    assert snapshot(conn) != before
    assert outcome.decision_id is not None
    undone = services.undo_decision(outcome.decision_id, by="sam@example.org", now=NOW + timedelta(hours=1))
    assert undone.done
    assert snapshot(conn) == before


def test_a_split_takes_identifiers_out_and_evidence_does_not_bring_them_back(conn: Connection) -> None:
    visit = call(1, user_id="u1", anonymous_id="a1", email="ann@shop.com")
    tell(conn, [visit])
    profile, visitor = profile_of(conn, "user_id", "u1"), selectors.find_profile("anonymous_id", "a1")
    (identifier,) = (one for one in selectors.profile_view(profile).identifiers if one.kind == "anonymous_id")  # type: ignore[union-attr]
    outcome = services.split(profile, [identifier.id], **BY)
    assert outcome.done
    assert visitor == profile
    tell(conn, [visit])
    assert profile_of(conn, "anonymous_id", "a1") == identifier.id
    assert profile_of(conn, "email", "ann@shop.com") == profile


def test_a_split_of_the_centre_leaves_two_profiles_and_undo_puts_all_back(conn: Connection) -> None:
    tell(conn, [call(1, user_id="u1", anonymous_id="a1", email="ann@shop.com", phone="+32470000001")])
    before = snapshot(conn)
    centre = profile_of(conn, "user_id", "u1")
    outcome = services.split(centre, [centre], **BY)
    assert outcome.done
    assert len(people(conn)) == 2
    assert outcome.decision_id is not None
    services.undo_decision(outcome.decision_id, by="sam", now=NOW)
    assert snapshot(conn) == before


def test_a_merge_that_breaks_a_limit_is_refused_and_writes_nothing(conn: Connection) -> None:
    tell(conn, [call(1, user_id="u1"), call(2, user_id="u2")])
    before = snapshot(conn)
    outcome = services.merge(profile_of(conn, "user_id", "u1"), profile_of(conn, "user_id", "u2"), **BY)
    assert not outcome.done
    assert "user_id" in outcome.refusal
    assert snapshot(conn) == before
    assert not AuditEntry.objects.exists()


def test_a_merge_after_a_split_lifts_the_ban(conn: Connection, two_people: tuple[int, int]) -> None:
    services.merge(*two_people, **BY)
    merged = selectors.identifier_ids(two_people[0])
    services.split(two_people[0], [two_people[1]], **BY)
    assert services.merge(*two_people, **BY).done
    assert set(selectors.identifier_ids(two_people[0])) <= set(merged)


def test_the_hook_runs_with_the_moves_in_the_same_transaction(conn: Connection, two_people: tuple[int, int]) -> None:
    seen: list[tuple[list[Move], set[int]]] = []
    services.merge(*two_people, **BY, after=lambda conn, moved, traits: seen.append((moved, traits)))
    ann, user = two_people
    ((moved, traits),) = seen
    assert {(move.from_profile, move.to_profile) for move in moved} == {(user, ann)}
    assert traits == {ann}


def test_asserting_twice_is_one_link_and_retracting_parts_them(conn: Connection, two_people: tuple[int, int]) -> None:
    for _ in range(2):
        assert services.assert_link(*two_people, **BY).done
    assert len(people(conn)) == 1
    assert services.retract_link(*two_people, **BY).done
    assert len(people(conn)) == 2


def test_a_review_verdict_joins_bans_or_waits_and_can_be_undone(conn: Connection, two_people: tuple[int, int]) -> None:
    a, b = sorted(two_people)
    pair = ReviewPair.objects.create(a=a, b=b, probability=0.7, created_at=NOW)
    assert [one.id for one in selectors.review_queue()] == [pair.pk]
    outcome = services.decide_review(pair.pk, "match", by="sam", now=NOW)
    assert outcome.done
    assert len(people(conn)) == 1
    assert selectors.review_queue() == []
    assert outcome.decision_id is not None
    services.undo_decision(outcome.decision_id, by="sam", now=NOW)
    assert len(people(conn)) == 2
    assert services.decide_review(pair.pk, "no_match", by="sam", now=NOW).done
    assert not services.assert_link(a, b, **BY).done


def test_taking_back_links_frees_an_identifier_from_quarantine(conn: Connection) -> None:
    tell(conn, [call(n, user_id=f"u{n}", device_id="kiosk") for n in range(51)])
    device = profile_of(conn, "device_id", "kiosk")
    quarantine = "select quarantine from identity_identifier where id = %s"
    assert psycopg.Cursor(conn).execute(quarantine, (device,)).fetchone() == ("over_degree",)
    services.retract_link(device, profile_of(conn, "user_id", "u7"), **BY)
    assert psycopg.Cursor(conn).execute(quarantine, (device,)).fetchone() == ("",)
    assert services.rebuild_profiles(now=NOW).healthy


def test_matched_links_join_and_are_withdrawn_by_linkage_only(conn: Connection, two_people: tuple[int, int]) -> None:
    match = services.Match(*two_people, 0.97, '{"name": 4.2}')
    services.link_matches(conn, matches=[match], basis="model 1", now=NOW)
    assert len(people(conn)) == 1
    services.link_matches(conn, matches=[], withdrawn=[two_people], basis="model 1", now=NOW)
    assert len(people(conn)) == 2
    services.link_matches(conn, matches=[match], basis="model 1", now=NOW)
    services.retract_link(*two_people, **BY)
    services.link_matches(conn, matches=[match], basis="model 2", now=NOW)
    assert len(people(conn)) == 2
