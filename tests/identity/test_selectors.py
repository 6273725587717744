"""The reading door."""

from typing import Any

import psycopg
import pytest

from identity import selectors, services
from tests.identity.people import NOW, call, profile_of, tell

Connection = psycopg.Connection[Any]


@pytest.fixture
def ann(conn: Connection) -> int:
    tell(
        conn,
        [call(1, anonymous_id="a1", traits={"plan": "free"})],
        [call(2, user_id="u1", anonymous_id="a1", email="ann@shop.com", traits={"name": "Ann Peeters", "plan": "pro"})],
        [call(3, user_id="u2", email="bob@shop.com", traits={"name": "Bob 100%"}, source=2)],
    )
    return profile_of(conn, "user_id", "u1")


@pytest.mark.parametrize("text", ["ann@", "ANN@SHOP.com", "peeters", "u1", "a1"])
def test_people_are_found_by_identifier_prefix_and_by_name(ann: int, text: str) -> None:
    assert [one.id for one in selectors.profiles_page(search=text)] == [ann]


@pytest.mark.parametrize(("text", "count"), [("%", 1), ("_", 0), ("\\", 0), ("nobody", 0), ("", 2), ("x\x00", 0)])
def test_wildcards_in_a_search_are_plain_characters(ann: int, text: str, count: int) -> None:
    assert len(selectors.profiles_page(search=text)) == count


def test_pages_follow_each_other(ann: int) -> None:
    first = selectors.profiles_page(limit=1)
    second = selectors.profiles_page(after_id=first[-1].id, limit=1)
    assert [len(first), len(second), len(selectors.profiles_page(after_id=second[-1].id))] == [1, 1, 0]


def test_a_retired_id_answers_with_its_survivor(conn: Connection, ann: int) -> None:
    (visitor,) = (i for i in selectors.identifier_ids(ann) if i < ann)
    view = selectors.profile_view(visitor)
    assert view is not None
    assert view.id == ann
    assert selectors.profile_view(10**15) is None


def test_provenance_names_the_winner_the_rule_and_the_others(ann: int) -> None:
    plan = next(trait for trait in selectors.provenance(ann) if trait.key == "plan")
    assert (plan.value, plan.rule, plan.identifier) == ("pro", "latest", ("user_id", "u1"))
    assert [(other.value, other.identifier) for other in plan.others] == [("free", ("anonymous_id", "a1"))]


def test_why_shows_the_path_of_links(conn: Connection, ann: int) -> None:
    ids = {one.kind: one.id for one in selectors.profile_view(ann).identifiers}  # type: ignore[union-attr]
    why = selectors.why(ids["email"], ids["anonymous_id"])
    assert why is not None
    assert why.together
    assert [{link.a.kind, link.b.kind} for link in why.path] == [{"user_id", "email"}, {"user_id", "anonymous_id"}]


def test_why_names_the_refused_link_and_its_reason(conn: Connection, ann: int) -> None:
    tell(conn, [call(9, user_id="u2", email="ann@shop.com")])
    why = selectors.why(ann, profile_of(conn, "user_id", "u2"))
    assert why is not None
    assert not why.together
    assert [{link.a.value, link.b.value} for link in why.refused] == [{"u2", "ann@shop.com"}]
    assert "user_id" in why.sentence
    assert [link.refused_because for link in selectors.links_of(ann) if link.refused_because] == [
        why.refused[0].refused_because
    ]


def test_why_of_strangers_and_of_nobody(conn: Connection, ann: int) -> None:
    why = selectors.why(ann, profile_of(conn, "user_id", "u2"))
    assert why is not None
    assert why.sentence == "They are two people: nothing links them."
    assert selectors.why(ann, 10**15) is None


def test_counts_and_decisions(conn: Connection, ann: int) -> None:
    assert selectors.counts()["profiles"] == 2
    other = next(i for i in selectors.identifier_ids(ann) if i != ann)
    assert services.assert_link(ann, other, by="sam", reason="known", now=NOW).done
    assert [one.kind for one in selectors.decisions(ann)] == ["assert"]
    assert selectors.decisions(ann, kind="merge") == []
