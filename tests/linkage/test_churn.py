"""What linkage does when profiles change, go and come back, and when a steward has spoken."""

from datetime import timedelta
from typing import Any

import psycopg

from common import turns
from identity.linkage.services import linkage_backlog
from identity.models import ReviewPair
from identity.selectors import links_of
from identity.services import decide_review, erase, merge, person_of, split, undo_decision
from tests.identity.people import NOW, call, profile_of, tell
from tests.linkage.world import MARY, Connection, asked, like, link, person, tell_more, together

LATER = NOW + timedelta(days=1)


def records(conn: Connection) -> set[int]:
    return {row[0] for row in psycopg.Cursor(conn).execute("select profile_id from identity_linkagerecord")}


def counted(conn: Connection) -> bool:
    """Whether the counts of blocks are what counting the keys gives."""
    (differing,) = psycopg.Cursor(conn).execute(
        "select count(*) from (select key_hash, count(*)::int n from (select unnest(terms) as key_hash"
        " from identity_linkagerecord) k group by 1) k full join identity_blockcount c using (key_hash)"
        " where k.n is distinct from c.records"
    ).fetchone() or (1,)
    return bool(differing == 0)


def test_nothing_is_left_after_a_run_and_a_second_run_does_nothing(conn: Connection) -> None:
    person(conn, "c1", **MARY)
    person(conn, "c2", **like(MARY, last_name="Odyua"))
    assert linkage_backlog() == 2
    link(conn)
    assert linkage_backlog() == 0
    again = link(conn)
    assert (again.profiles, again.compared, again.links) == (0, 0, 0)


def test_the_record_of_a_merged_profile_goes_and_an_unmerge_brings_it_back(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, first_name="Zoe", last_name="Quill", birth_date="1999-01-01", email=None))
    link(conn)
    assert records(conn) == {a, b}
    outcome = merge(a, b, by="ann", reason="told us", now=LATER)
    link(conn)
    assert records(conn) == {a}
    assert counted(conn)
    undo_decision(outcome.decision_id or 0, by="ann", now=LATER + timedelta(hours=1))
    link(conn)
    assert records(conn) == {a, b}
    assert counted(conn)


def test_the_counts_are_right_after_somebody_is_erased(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, first_name="Zoe", birth_date="1999-01-01", email=None, phone=None))
    link(conn)
    turns.take(conn, "tests")
    erase(conn, person_of(conn, [a]), now=LATER)
    assert records(conn) == {b}
    assert counted(conn)


def test_linking_keeps_the_evidence_that_sums_to_the_weight(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    person(conn, "c2", **like(MARY, last_name="Odyua", phone=None))
    link(conn)
    (matched,) = [one for one in links_of(a) if one.origin == "matched"]
    assert matched.confidence is not None
    assert matched.confidence > 0.95
    assert abs(sum(part["bits"] for part in matched.evidence["parts"]) - matched.evidence["weight"]) < 0.001


def test_people_that_a_steward_parted_are_not_joined_again(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, last_name="Odyua"))
    link(conn)
    assert split(a, [b], by="ann", reason="sisters", now=LATER).done
    tell_more(conn, "c2", last_name="Oduya", email="m@mail.com")
    run = link(conn)
    assert (run.links, run.reviews) == (0, 0)
    assert not together(conn, "c1", "c2")


def test_a_pair_that_a_steward_refused_is_not_asked_again(conn: Connection) -> None:
    person(conn, "c1", **MARY)
    person(conn, "c2", **like(MARY, birth_date=None, email=None, phone=None, street=None, postcode=None))
    link(conn)
    pair = ReviewPair.objects.get()
    assert decide_review(pair.pk, "no_match", by="ann", now=LATER).done
    tell_more(conn, "c2", phone=MARY["phone"], birth_date=MARY["birth_date"])
    run = link(conn)
    assert (run.links, run.reviews) == (0, 0)
    assert not together(conn, "c1", "c2")


def test_a_refused_pair_is_not_joined_by_way_of_a_third_record(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, last_name="Odyua"))
    link(conn)
    split(a, [b], by="ann", reason="sisters", now=LATER)
    person(conn, "c3", **MARY)
    link(conn)
    assert not together(conn, "c1", "c2")


def test_a_question_goes_when_new_data_answers_it(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, birth_date=None, email=None, phone=None, street=None, postcode=None))
    link(conn)
    assert asked(conn) == {(a, b)}
    tell_more(conn, "c2", birth_date="1955-12-01")
    link(conn)
    assert asked(conn) == set()


def test_a_link_that_new_data_contradicts_is_withdrawn_and_the_people_are_two_again(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, email=None))
    link(conn)
    assert together(conn, "c1", "c2")
    tell_more(conn, "c2", first_name="Ruth", birth_date="1991-06-30", email="ruth@mail.com")
    assert link(conn).withdrawn == 1
    assert (profile_of(conn, "crm_id", "c1"), profile_of(conn, "crm_id", "c2")) == (a, b)
    assert asked(conn) == set()


def test_a_withdrawn_link_comes_back_when_the_data_do(conn: Connection) -> None:
    person(conn, "c1", **MARY)
    person(conn, "c2", **like(MARY, email=None))
    link(conn)
    tell_more(conn, "c2", first_name="Ruth", birth_date="1991-06-30")
    link(conn)
    tell_more(conn, "c2", first_name="Mary", birth_date="1984-03-17")
    link(conn)
    assert together(conn, "c1", "c2")


def test_what_a_steward_asserted_is_not_withdrawn(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, first_name="Zoe", last_name="Quill", birth_date="1999-01-01", email=None))
    assert merge(a, b, by="ann", reason="told us", now=LATER).done
    tell_more(conn, "c2", city="Akron")
    assert link(conn).withdrawn == 0
    assert together(conn, "c1", "c2")


def test_two_accounts_are_held_apart_by_the_policy_and_the_link_is_kept_with_its_reason(conn: Connection) -> None:
    tell(conn, [call(1, user_id="u1", traits=MARY), call(2, user_id="u2", traits=like(MARY, email="other@mail.com"))])
    assert link(conn).links == 1
    assert profile_of(conn, "user_id", "u1") != profile_of(conn, "user_id", "u2")
    assert "user_id" in links_of(profile_of(conn, "user_id", "u1"))[0].refused_because
    tell(conn, [call(3, user_id="u2", traits={"city": "Akron"})])
    assert link(conn).links == 0


def test_segments_follow_in_the_same_transaction(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, last_name="Odyua"))
    heard: list[Any] = []
    link(conn, after=lambda connection, moved, changed: heard.append((list(moved), changed)))
    (moves, changed) = heard[0]
    assert [(move.identifier_id, move.from_profile, move.to_profile) for move in moves] == [(b, b, a)]
    assert changed == {a}


def test_a_profile_whose_record_stays_as_it_is_is_not_compared_again(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    person(conn, "c2", **like(MARY, first_name="Zoe", last_name="Quill", birth_date="1999-01-01", email=None))
    assert (link(conn).compared, asked(conn)) == (1, set())
    tell_more(conn, "c1", favourite_colour="green")
    run = link(conn)
    assert (run.profiles, run.compared) == (1, 0)
    assert linkage_backlog() == 0
    tell_more(conn, "c1", phone="+12125550199")
    assert link(conn).compared > 0
    assert records(conn) >= {a}


def test_a_question_stays_when_nothing_changes_that_linkage_looks_at(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, birth_date=None, email=None, phone=None, street=None, postcode=None))
    link(conn)
    tell_more(conn, "c2", favourite_colour="green")
    link(conn)
    assert asked(conn) == {(a, b)}


def test_what_changes_while_others_are_linked_is_made_of_what_it_is_then(conn: Connection) -> None:
    for name in ("c1", "c2"):
        person(conn, name, **MARY)
    late = person(conn, "c3", first_name="Zoe", last_name="Quill")

    def meanwhile(connection: Any, moved: Any, changed: Any) -> None:
        tell_more(connection, "c3", last_name="Abbott")

    link(conn, batch_size=2, after=meanwhile)
    (kept,) = psycopg.Cursor(conn).execute(
        "select fields::jsonb ->> 2 from identity_linkagerecord where profile_id = %s", [late]
    ).fetchone() or ("",)
    assert kept == "abbott"
