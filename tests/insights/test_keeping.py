"""Kept features: traits that follow what comes, and are at the end what the as-of function gives of everybody."""

import itertools
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import connection
from django.db.models import F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cdp.erasing import run_erasures
from cdp.pipeline.follow import follow_moves
from common import clock, pg, turns
from identity import selectors as identity
from identity import services as identity_services
from insights import selectors, services
from insights.keeping import following
from insights.keeping.contracts import columns_of
from insights.keeping.models import Keeping, Touched
from privacy import services as privacy
from segments import selectors as segments
from segments import services as segment_services
from tests.connectors.killing import wait_until
from tests.insights.sending import Sender

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ("frequency", "monetary", "average_order", "revenue_30d", "products", "recency_days", "pages", "last_page")


def keep_up(at: Callable[[], datetime] = clock.now, after: Any = follow_moves) -> int:
    """Until nobody waits and everybody is computed."""
    changed = services.keep_up(clock_now=at, after=after)
    while selectors.upkeep().waiting or any(one.filling or one.leaving for one in selectors.kept_features()):
        changed += services.keep_up(clock_now=at, after=after)
    return changed


def traits(profile: int) -> dict[str, Any]:
    view = identity.profile_view(profile)
    assert view is not None
    return {key: one for key, one in view.traits.items() if key.startswith("feature_")}


def keep(*names: str) -> None:
    for name in names:
        services.keep_feature(name=name, by="ann", now=clock.now())


def ordered(sender: Sender, user: str, revenue: float, *, days: float = 0.5, **more: Any) -> dict[str, Any]:
    return sender.order(user, clock.iso(clock.now() - timedelta(days=days)), revenue, **more)


def viewed(user: str, page: str, *, days: float) -> dict[str, Any]:
    at = clock.iso(clock.now() - timedelta(days=days))
    return {"type": "track", "event": "Viewed", "userId": user, "timestamp": at, "properties": {"page": page}}


def everybody(names: tuple[str, ...], as_of: datetime) -> dict[int, dict[str, Any]]:
    """What the as-of function gives of all people, as traits."""
    table = selectors.features_of(names, as_of=as_of)
    columns = columns_of({name: list(table.columns[name]) for name in names})
    return {
        profile: {key: json.loads(told[place]) for key, told in columns.items() if told[place] != "null"}
        for place, profile in enumerate(table.profile_ids.tolist())
    }


def kept() -> dict[int, dict[str, Any]]:
    """The traits of kept features of all people."""
    rows = pg.raw().execute("select id, traits::text from identity_profile").fetchall()
    return {
        profile: {key: one for key, one in json.loads(told).items() if key.startswith("feature_")}
        for profile, told in rows
    }


def test_an_event_becomes_a_trait_and_the_trait_a_membership(sender: Sender) -> None:
    sender.send(sender.identify("u1"), sender.identify("u2"))
    keep("frequency")
    keep_up()
    one, two = sender.profile("u1"), sender.profile("u2")
    assert (traits(one), traits(two)) == ({"feature_frequency": 0}, {"feature_frequency": 0})
    made = segment_services.create_segment(
        name="Buyers", slug="buyers", rule={"trait": "feature_frequency", "is": "gte", "value": 1}, by="ann",
        now=clock.now(),
    )  # fmt: skip
    assert list(segments.members(made.id)) == []
    sender.send(ordered(sender, "u1", 20.5))
    assert selectors.upkeep().waiting == 1
    assert keep_up() == 1
    assert (traits(one), traits(two)) == ({"feature_frequency": 1}, {"feature_frequency": 0})
    assert list(segments.members(made.id)) == [one]
    assert selectors.upkeep().waiting == 0
    assert keep_up() == 0


_STEP = st.one_of(
    st.tuples(st.just("order"), st.integers(0, 4), st.sampled_from((0.5, 3.5, 40.5)), st.sampled_from((5, 20.1, 7))),
    st.tuples(st.just("view"), st.integers(0, 4), st.sampled_from((0.5, 3.5, 40.5)), st.sampled_from(("a", "b"))),
    st.tuples(st.just("cancel"), st.integers(0, 4)),
    st.tuples(st.just("merge"), st.integers(0, 4), st.integers(0, 4)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("erase"), st.integers(0, 4)),
    st.tuples(st.just("follow")),
    st.tuples(st.just("mean"), st.sampled_from((None, 30))),
)


class _History:
    """One history of five people, told through the pipeline."""

    def __init__(self, sender: Sender, number: int) -> None:
        self._sender, self._number = sender, number
        self._orders = itertools.count()
        self._decisions: list[int] = []
        sender.send(*({"type": "page", "name": "Home", **self._who(n)} for n in range(5)))
        # All are computed; from here on only what is noted is.
        self._follow()

    def does(self, what: str, *about: Any) -> None:
        getattr(self, f"_{what}")(*about)

    def _who(self, person: int) -> dict[str, str]:
        # Browsers: no limit keeps them from being one person.
        return {"anonymousId": f"h{self._number}-{person}"}

    def _profile(self, person: int) -> int | None:
        return identity.find_profile("anonymous_id", f"h{self._number}-{person}")

    def _track(self, person: int, event: str, days: float, **properties: Any) -> None:
        at = clock.iso(clock.now() - timedelta(days=days))
        self._sender.send(
            {"type": "track", "event": event, **self._who(person), "timestamp": at, "properties": properties}
        )

    def _order(self, person: int, days: float, worth: float) -> None:
        number = f"h{self._number}-{next(self._orders)}"
        self._track(person, "Order Completed", days, revenue=worth, order_id=number, product_id=str(worth))

    def _view(self, person: int, days: float, page: str) -> None:
        self._track(person, "Viewed", days, page=page)

    def _cancel(self, person: int) -> None:
        self._track(person, "Order Cancelled", 0.25, order_id=f"h{self._number}-0")

    def _merge(self, one: int, other: int) -> None:
        found = {self._profile(one), self._profile(other)} - {None}
        if len(found) == 2:
            a, b = sorted(each for each in found if each)
            done = identity_services.merge(a, b, by="ann", reason="", now=clock.now(), after=follow_moves)
            self._decisions.append(done.decision_id or 0)

    def _undo(self) -> None:
        if self._decisions:
            identity_services.undo_decision(self._decisions.pop(), by="ann", now=clock.now(), after=follow_moves)

    def _erase(self, person: int) -> None:
        found = self._profile(person)
        if found is not None:
            privacy.request_erasure(profile_id=found, by="ann", now=clock.now())
            run_erasures(now=clock.now())
            # What an erased person had a part in is undone no more.
            self._decisions.clear()

    def _follow(self) -> None:
        services.keep_up(clock_now=clock.now, after=follow_moves)

    def _mean(self, window: int | None) -> None:
        services.declare_feature(
            name="pages", measure="count", event="Viewed", window_days=window, by="ann", now=clock.now()
        )


def test_whatever_comes_late_is_joined_parted_or_erased_at_the_end_all_have_what_the_batch_gives(
    sender: Sender,
) -> None:
    for name, measure in (("pages", "count"), ("last_page", "latest")):
        services.declare_feature(
            name=name, measure=measure, event="Viewed", property="page", by="ann", now=clock.now()
        )  # fmt: skip
    keep(*NAMES)
    numbers = itertools.count()

    joined = [("order", 0, 3.5, 5), ("order", 1, 0.5, 7), ("follow",), ("merge", 0, 1)]

    @settings(max_examples=15, deadline=None)
    @given(st.lists(_STEP, max_size=12))
    @example(joined)
    @example([*joined, ("follow",), ("undo",)])
    @example([*joined, ("follow",), ("view", 1, 40.5, "a"), ("follow",), ("undo",), ("merge", 1, 2)])
    @example([("order", 1, 3.5, 5), ("follow",), ("merge", 0, 1), ("follow",), ("cancel", 0)])
    @example([*joined, ("mean", 30), ("erase", 1), ("order", 2, 0.5, 5), ("follow",), ("cancel", 2)])
    def holds(steps: list[tuple[Any, ...]]) -> None:
        history = _History(sender, next(numbers))
        for step in steps:
            history.does(*step)
        now = clock.now()
        keep_up(lambda: now)
        assert kept() == everybody(NAMES, now)
        sender.rebuilt_the_same()

    holds()


def test_both_sides_are_computed_when_people_are_put_together_and_parted(sender: Sender) -> None:
    keep("frequency", "average_order")
    sender.send(ordered(sender, "u1", 10), sender.identify("u2@example.org"), sender.identify("u3@example.org"))
    sender.send({**ordered(sender, "", 20), "userId": None, "anonymousId": "browser of u2@example.org"})
    keep_up()
    people = [sender.profile(user) for user in ("u1", "u2@example.org", "u3@example.org")]
    apart = [
        {"feature_frequency": 1, "feature_average_order": 10},
        {"feature_frequency": 1, "feature_average_order": 20}, {"feature_frequency": 0},
    ]  # fmt: skip
    assert [traits(each) for each in people] == apart
    one, two, three = people
    done = []
    for a, b in ((one, two), (two, three)):
        ids = identity.current_ids([a, b])
        done.append(
            identity_services.merge(ids[a], ids[b], by="ann", reason="", now=clock.now(), after=follow_moves)
        )  # fmt: skip
    keep_up()
    survivor = identity.current_ids([one])[one]
    assert traits(survivor) == {"feature_frequency": 2, "feature_average_order": 15}
    for each in reversed(done):
        identity_services.undo_decision(each.decision_id or 0, by="ann", now=clock.now(), after=follow_moves)
    keep_up()
    assert [traits(each) for each in people] == apart


def test_windows_age_by_the_day_without_an_event(sender: Sender) -> None:
    keep("orders_30d", "recency_days")
    sender.send(ordered(sender, "u1", 10))
    now = clock.now()
    keep_up(lambda: now)
    profile = sender.profile("u1")
    assert traits(profile)["feature_orders_30d"] == 1
    later = now + timedelta(days=40)
    assert keep_up(lambda: later) == 1
    assert traits(profile) == everybody(("orders_30d", "recency_days"), later)[profile]
    assert traits(profile)["feature_orders_30d"] == 0
    assert {one.whole_at for one in selectors.kept_features()} == {later}
    assert keep_up(lambda: later) == 0


def test_an_event_of_a_time_to_come_counts_once_that_has_come(sender: Sender) -> None:
    keep("frequency")
    sender.send(sender.identify("u1"))
    keep_up()
    conn, now = pg.raw(), clock.now()
    profile = sender.profile("u1")
    ahead = clock.micros(now + timedelta(hours=2))
    services.note_touched(conn, identifier_ids=[profile], now=now, at_us=[ahead])
    assert Touched.objects.count() == 2
    services.keep_up(clock_now=clock.now, after=follow_moves)
    assert Touched.objects.count() == 1
    assert selectors.upkeep().waiting == 0
    far = clock.micros(now + timedelta(days=400))
    services.note_touched(conn, identifier_ids=[profile, profile], now=now, at_us=[far, ahead])
    services.keep_up(clock_now=lambda: now + timedelta(hours=3), after=follow_moves)
    assert Touched.objects.count() == 0


def test_a_worker_that_dies_before_its_commit_leaves_all_to_the_next(sender: Sender) -> None:
    keep("frequency")
    sender.send(sender.identify("u1"))
    keep_up()
    sender.send(ordered(sender, "u1", 10))

    def dies(*about: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        services.keep_up(clock_now=clock.now, after=dies)
    assert traits(sender.profile("u1")) == {"feature_frequency": 0}
    assert selectors.upkeep().waiting == 1
    assert keep_up() == 1
    assert traits(sender.profile("u1")) == {"feature_frequency": 1}


def test_a_worker_that_another_has_overtaken_writes_nothing(sender: Sender) -> None:
    keep("frequency")
    sender.send(sender.identify("u1"))
    keep_up()
    sender.send(ordered(sender, "u1", 10))
    done: list[int] = []

    def works() -> None:
        done.append(services.keep_up(clock_now=clock.now, after=follow_moves))
        connection.close()

    with pg.connect(autocommit=True) as other:
        worker = threading.Thread(target=works)
        with other.transaction():
            turns.borrow(other)
            worker.start()
            wait_until(_somebody_waits_for_the_turn)
            Keeping.objects.update(writes=F("writes") + 1)
        worker.join()
    assert done == [0]
    assert (traits(sender.profile("u1")), selectors.upkeep().waiting) == ({"feature_frequency": 0}, 1)
    assert keep_up() == 1
    assert traits(sender.profile("u1")) == {"feature_frequency": 1}


def _somebody_waits_for_the_turn() -> bool:
    query = "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%common_turn%'"
    return bool(pg.raw().execute(query).fetchall())


def test_what_comes_while_values_are_computed_is_computed_once_more(sender: Sender) -> None:
    keep("frequency")
    sender.send(sender.identify("u1"))
    keep_up()
    sender.send(ordered(sender, "u1", 10))
    # The third time it is asked for, notes are taken and this is the instant of the values.
    times = iter([False, False, True])

    def at() -> datetime:
        now = clock.now()
        if next(times, False):
            sender.send(ordered(sender, "u1", 10))
        return now

    services.keep_up(clock_now=at, after=follow_moves, at_most=0)
    assert (traits(sender.profile("u1")), selectors.upkeep().waiting) == ({"feature_frequency": 1}, 1)
    keep_up()
    assert traits(sender.profile("u1")) == {"feature_frequency": 2}


def test_a_long_backlog_and_everybody_go_in_pieces_from_both_ends(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("frequency", "monetary")
    monkeypatch.setattr(following, "_PIECE", 3)
    monkeypatch.setattr(following, "_MOST_IDS", 4)
    for batch in range(4):
        sender.send(*(ordered(sender, f"u{batch}-{n}", 10) for n in range(5)))
    waiting = selectors.upkeep()
    assert (waiting.waiting, Touched.objects.count()) == (20, 4)
    # One step each of the backlog and of everybody.
    services.keep_up(clock_now=clock.now, after=follow_moves, at_most=0)
    assert Touched.objects.count() == 3
    assert {one.filling for one in selectors.kept_features()} == {True}
    now = clock.now()
    keep_up(lambda: now)
    assert kept() == everybody(("frequency", "monetary"), now)
    assert {one.people for one in selectors.kept_features()} == {20}


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    usual = psycopg.Cursor.execute

    def execute(self: Any, query: Any, *args: Any, **more: Any) -> Any:
        told.append(str(query))
        return usual(self, query, *args, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", execute)
    return told


def test_the_number_of_statements_does_not_grow_with_the_people(sender: Sender, statements: list[str]) -> None:
    keep("frequency", "products", "events_30d")
    # One instant for all of it: no day begins meanwhile.
    noon = (clock.now() + timedelta(days=1)).replace(hour=12)
    keep_up(lambda: noon)

    def taken(people: int, prefix: str) -> int:
        sender.send(*(ordered(sender, f"{prefix}{n}", 10) for n in range(people)))
        statements.clear()
        services.keep_up(clock_now=lambda: noon, after=follow_moves)
        assert not selectors.upkeep().waiting
        return len(statements)

    taken(2, "warm")
    assert taken(200, "many") == taken(2, "few")


def test_numbers_that_engines_add_up_in_another_order_are_no_change() -> None:
    told = columns_of({"x": np.array([0.1 + 0.2, 0.3, 3.0, float("nan"), 1e15])})
    assert told == {"feature_x": ["0.3", "0.3", "3", "null", "1000000000000000"]}
