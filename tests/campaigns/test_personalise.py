"""Slots end to end: what is shown to whom, why, in time, and what the log holds of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import selectors, services
from campaigns.contracts import Answer, Asked, InvalidSlot
from campaigns.personalise.memberships import Memberships
from cdp import usage
from cdp.pipeline.run import Applier
from common import pg
from connectors import services as connectors
from events import services as events
from identity import selectors as identity
from segments import services as segments
from tests.campaigns.test_experiments import ORDERS, TWO, drain, drawn_by, running, send, track

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 11, 2, 8, tzinfo=UTC)
HELLO: dict[str, Any] = {"default": {"title": "Hello"}, "fields": ["title", "link"]}


@pytest.fixture
def applier(transactional_db: None) -> Iterator[Applier]:
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=START)
    made = Applier()
    yield made
    made.close()


@pytest.fixture
def decider() -> Iterator[services.Decider]:
    made = services.Decider(settings.REDIS_URL, seconds=30)
    yield made
    made.let_go()


def content(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "fields": {"title": key.title()}, **more}


def make(*rules: dict[str, Any], contents: Any = (), **more: Any) -> None:
    services.create_slot(
        name="Banner", document={**HELLO, "contents": list(contents), "rules": list(rules), **more}, by="ann", now=START
    )


def identify(user: str, **traits: Any) -> dict[str, Any]:
    return {
        "type": "identify", "userId": user, "traits": traits, "messageId": f"id-{user}-{len(traits)}",
        "timestamp": START.isoformat(),
    }  # fmt: skip


def people(applier: Applier, *calls: dict[str, Any]) -> None:
    shop = connectors.create_source(name="Shop", kind="web", by="ann", now=START).id
    send(shop, list(calls), applier, now=START)


def ask(decider: services.Decider, user: str, *, now: datetime = START, expose: bool = True, **context: Any) -> Answer:
    [found] = decider.decide(Asked(("banner",), (("user_id", user),), context, expose), now=now)
    return found


def test_the_first_rule_that_holds_decides_and_says_why(applier: Applier, decider: services.Decider) -> None:
    loyal = segments.create_segment(
        slug="loyal", name="Loyal", rule={"trait": "tier", "is": "eq", "value": "gold"}, by="ann", now=START
    )  # fmt: skip
    assert loyal.id
    people(applier, identify("a", tier="gold"), identify("b", plan="pro", churn=0.8), identify("c", churn=0.2))
    make(
        {"name": "Loyal people", "when": {"segment": "loyal"}, "show": {"contents": ["thanks"]}},
        {"name": "Pro", "when": {"rule": {"trait": "plan", "is": "eq", "value": "pro"}}, "show": {"contents": ["pro"]}},
        {"name": "Leaving", "when": {"score": "churn", "at_least": 0.1, "below": 0.5}, "show": {"contents": ["stay"]}},
        contents=[content("thanks"), content("pro"), content("stay")],
    )  # fmt: skip
    found = {user: ask(decider, user) for user in "abcd"}
    assert [found[user].content["title"] for user in "abcd"] == ["Thanks", "Pro", "Stay", "Hello"]
    assert [found[user].fallback for user in "abcd"] == [False, False, False, True]
    assert found["a"].why == "Loyal people: in the segment loyal. The content thanks."
    assert [step.holds for step in found["c"].steps] == [False, False, True]
    assert (found["d"].reason, found["a"].reason) == ("unknown_person", "rule")


def test_contents_are_shown_by_weight_and_in_their_time(decider: services.Decider, transactional_db: None) -> None:
    make(
        {"name": "All", "show": {"contents": ["much", "little", "winter"]}},
        contents=[
            content("much", weight=3), content("little"),
            content("winter", weight=96, starts_at="2026-12-01T00:00:00Z", ends_at="2026-12-25T00:00:00+01:00"),
        ],
    )  # fmt: skip
    # Contents are drawn by the slot's name and the identifier: the same in every run.
    shown = [ask(decider, f"u{n}").content_key for n in range(400)]
    assert 45 < shown.count("little") < 155
    assert shown.count("winter") == 0
    assert shown == [ask(decider, f"u{n}").content_key for n in range(400)]
    later = [ask(decider, f"u{n}", now=datetime(2026, 12, 24, tzinfo=UTC)).content_key for n in range(50)]
    assert later.count("winter") > 25


def test_an_experiment_shows_its_variant_and_it_is_in_the_log_once(applier: Applier, decider: services.Decider) -> None:
    experiment = running(name="Button")
    make({"name": "Test", "show": {"experiment": "button"}}, contents=[content("old"), content("new")])
    for n in range(20):
        first = ask(decider, f"u{n}")
        assert (first.experiment, first.content["title"], first.exposed) == ("button", first.variant.title(), True)
        assert ask(decider, f"u{n}", now=START + timedelta(minutes=1)).variant == first.variant
    assert not ask(decider, "looked at only", expose=False).exposed
    drain(applier, now=START + timedelta(minutes=2))
    found = services.analyse(experiment.id, now=START + timedelta(hours=1))
    assert (found.health.people, found.health.contaminated) == (20, 0)
    services.stop_experiment(experiment.id, winner="", by="ann", now=START + timedelta(hours=1))
    decider.let_go()
    again = services.Decider(settings.REDIS_URL, seconds=30)
    assert ask(again, "u1", now=START + timedelta(hours=2)).fallback
    again.let_go()


def test_who_is_held_out_gets_nothing_personal_and_is_measured_beside_all_others(
    applier: Applier, decider: services.Decider
) -> None:
    # Nobody is a profile yet: with a seed that is known the same people are held out in every run.
    holdout = drawn_by(
        services.create_holdout(name="Holdout", percent=30, metrics=[ORDERS], by="ann", now=START), "seed of the tests"
    )
    services.start_experiment(holdout.id, by="ann", now=START)
    running(name="Button")
    make({"name": "Test", "show": {"experiment": "button"}}, contents=[content("old"), content("new")])
    answers = [ask(decider, f"u{n}") for n in range(200)]
    held = [one for one in answers if one.reason == "held_out"]
    assert 20 < len(held) < 100
    assert {(one.content["title"], one.fallback) for one in held} == {("Hello", True)}
    drain(applier, now=START + timedelta(minutes=1))
    found = services.analyse(holdout.id, now=START + timedelta(hours=1))
    assert {arm.variant: arm.people for arm in found.metrics[0].arms} == {
        "held_out": len(held), "treated": 200 - len(held),
    }  # fmt: skip
    button = selectors.experiment("button")
    assert button is not None
    profile = identity.find_profile("user_id", f"u{answers.index(held[0])}")
    decided = services.decide(
        button, profile_id=profile, kind="user_id", value=f"u{answers.index(held[0])}", expose=False, now=START
    )  # fmt: skip
    assert (decided.variant.key, decided.reason) == ("old", "held_out")
    assert services.analyse(button.id, now=START + timedelta(hours=1)).health.people == 200 - len(held)


def test_a_holdout_leaves_alone_who_was_in_an_experiment_before_it(applier: Applier) -> None:
    button = running(name="Button")
    holdout = services.create_holdout(name="Holdout", percent=50, metrics=[ORDERS], by="ann", now=START)
    services.start_experiment(holdout.id, by="ann", now=START + timedelta(hours=1))
    later = START + timedelta(hours=2)
    reasons = {
        services.decide(button, profile_id=None, kind="user_id", value=f"u{n}", expose=False, now=later).reason
        for n in range(50)
    }
    assert reasons == {"assigned"}


def test_memberships_are_never_older_than_two_seconds(transactional_db: None) -> None:
    client, reads = redis.Redis.from_url(settings.REDIS_URL), []

    def read(profile_id: int) -> bytes:
        reads.append(profile_id)
        return bytes([len(reads)])

    cache = Memberships(client, usable=timedelta(seconds=1.7), read=read)
    client.delete("cdp:member:7001")
    assert cache.of(7001, now=START) == b"\x01"
    assert cache.of(7001, now=START + timedelta(seconds=1.7)) == b"\x01"
    # From then on the answer could go out two seconds after it was read.
    assert cache.of(7001, now=START + timedelta(seconds=1.701)) == b"\x02"
    # A host whose clock is behind does not know how old it is.
    assert cache.of(7001, now=START) == b"\x03"
    # Valkey forgets it by its own clock.
    assert 0 < client.pttl("cdp:member:7001") <= 2_000
    assert len(reads) == 3


def test_a_database_that_hangs_costs_a_quarter_of_a_second_and_shows_what_there_is_by_default(
    applier: Applier, decider: services.Decider
) -> None:
    hasty = services.Decider(settings.REDIS_URL)
    people(applier, identify("a", plan="pro"))
    make(
        {"name": "Pro", "when": {"rule": {"trait": "plan", "is": "eq", "value": "pro"}}, "show": {"contents": ["pro"]}},
        contents=[content("pro")],
    )  # fmt: skip
    assert ask(decider, "a").content == {"title": "Pro"}
    hasty.slots()
    with pg.connect() as conn, conn.transaction():
        conn.execute("lock table identity_identifier in access exclusive mode")
        for _ in range(6):
            found = ask(hasty, "a")
            assert (found.content, found.reason, found.fallback) == ({"title": "Hello"}, "unavailable", True)
    hasty.let_go()
    assert ask(decider, "a").content == {"title": "Pro"}


def test_somebody_is_looked_for_once_however_many_slots_are_asked_for(
    applier: Applier, decider: services.Decider
) -> None:
    people(applier, identify("a", plan="pro"))
    rule = {"name": "P", "when": {"rule": {"trait": "plan", "is": "eq", "value": "pro"}}, "show": {"contents": ["pro"]}}
    for n in range(10):
        services.create_slot(
            name=f"s{n}", document={**HELLO, "contents": [content("pro")], "rules": [rule]}, by="ann", now=START
        )
    wanted, shelf = [decider.slots()[f"s{n}"] for n in range(10)], decider.shelf()
    asked = Asked(tuple(one.slug for one in wanted), (("user_id", "a"),))
    with CaptureQueriesContext(connection) as ten:
        found = decider.choose(wanted, asked, shelf, START)
    with CaptureQueriesContext(connection) as one:
        decider.choose(wanted[:1], asked, shelf, START)
    assert [one.content_key for one in found] == ["pro"] * 10
    assert len(ten) == len(one)


@pytest.mark.parametrize(("change", "where"), [
    ({"fields": []}, "/fields"),
    ({"default": {"colour": "red"}}, "/default"),
    ({"default": {"title": "<b>Hello</b>"}}, "/default/title"),
    ({"default": {"title": [{"text": "<!-- x"}]}}, "/default/title"),
    ({"contents": [content("a"), content("a")]}, "/contents"),
    ({"contents": [content("a", starts_at="2026-12-02T00:00:00Z", ends_at="2026-12-01T00:00:00Z")]},
     "/contents/0/ends_at"),
    ({"rules": [{"name": "R", "show": {"contents": ["no"]}}]}, "/rules/0/show/contents"),
    ({"rules": [{"name": "R", "show": {}}]}, "/rules/0/show"),
    ({"rules": [{"name": "R", "when": {"segment": "no"}, "show": {"recommend": 3}}]}, "/rules/0/when/segment"),
    ({"rules": [{"name": "R", "when": {"rule": {"event": "X", "count": {"is": "gte", "value": 1}}},
                 "show": {"recommend": 3}}]}, "/rules/0/when/rule"),
    ({"rules": [{"name": "R", "show": {"experiment": "no"}}]}, "/rules/0/show/experiment"),
    ({"public": True}, "/sources"),
    ({"colour": 1}, "/"),
])  # fmt: skip
def test_what_cannot_be_shown_is_refused_with_the_place(change: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidSlot) as wrong:
        services.create_slot(name="Banner", document={**HELLO, **change}, by="ann", now=START)
    assert where in wrong.value.problems


def test_every_change_is_a_version_and_an_old_one_comes_back(transactional_db: None) -> None:
    make()
    slot = selectors.slot("banner")
    assert slot is not None
    changed = services.change_slot(slot.id, document={**HELLO, "default": {"title": "Bye"}}, by="bob", now=START)
    assert (changed.version, changed.document.default) == (2, {"title": "Bye"})
    with pytest.raises(InvalidSlot, match="bob has changed it"):
        services.change_slot(slot.id, document=HELLO, version=1, by="ann", now=START)
    back = services.restore_slot(slot.id, 1, by="ann", now=START)
    assert (back.version, back.document.default) == (3, {"title": "Hello"})
    assert [one.version for one in selectors.slot_versions(slot.id)] == [3, 2, 1]
    services.delete_slot(slot.id, by="ann", now=START)
    assert selectors.slots() == []


def test_a_segment_that_a_slot_names_cannot_be_ended_before_the_slot(transactional_db: None) -> None:
    made = segments.create_segment(
        slug="loyal", name="Loyal", rule={"trait": "tier", "is": "eq", "value": "gold"}, by="ann", now=START
    )  # fmt: skip
    assert usage.held_by(made) == ""
    make({"name": "L", "when": {"segment": "loyal"}, "show": {"contents": ["a"]}}, contents=[content("a")])
    assert "The slot Banner has a rule for this segment" in usage.held_by(made)
    slot = selectors.slot("banner")
    assert slot is not None
    services.delete_slot(slot.id, by="ann", now=START)
    assert usage.held_by(made) == ""


def test_an_experiment_and_a_bandit_share_no_name(transactional_db: None) -> None:
    running(name="Button")
    with pytest.raises(ValueError, match="of this name"):
        services.create_bandit(name="Button", arms=TWO, reward="Order Completed", by="ann", now=START)


def test_whoever_bought_in_bulk_does_not_decide_where_a_metric_is_capped(applier: Applier) -> None:
    revenue = {"name": "Revenue", "kind": "sum", "event": "Order Completed", "property": "revenue"}
    experiment = running(metrics=[revenue | {"cap": 90}, revenue | {"name": "All"}])
    shop = connectors.create_source(name="Shop", kind="web", by="ann", now=START).id
    orders = []
    for n in range(40):
        services.decide(experiment, profile_id=None, kind="user_id", value=f"u{n}", expose=True, now=START)
        orders.append(track(f"u{n}", "Order Completed", START + timedelta(hours=1), revenue=10 if n else 100_000))
    send(shop, orders, applier, now=START + timedelta(hours=2))
    capped, plain = services.analyse(experiment.id, now=START + timedelta(hours=3)).metrics
    assert capped.limit == 10
    assert {round(arm.mean, 6) for arm in capped.arms} == {10}
    assert [arm.uncapped for arm in capped.arms] == [arm.mean for arm in plain.arms]
    assert plain.limit is None
