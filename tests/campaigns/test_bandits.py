"""Bandits in the log: an arm is kept for its window, and a reward counts once, whatever is repeated or killed."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from campaigns import selectors, services
from campaigns.bandits.learning import counts_of
from campaigns.contracts import Asked, BanditView, InvalidBandit
from cdp.pipeline.run import Applier
from common import pg
from connectors import services as connectors
from events import services as events
from identity import selectors as identity
from identity import services as identities
from tests.campaigns.test_experiments import drain, send, track
from tests.connectors.killing import kill_worker

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 11, 2, 8, tzinfo=UTC)
ARMS = [{"key": "red", "name": "Red"}, {"key": "blue", "name": "Blue"}]


@pytest.fixture
def applier(transactional_db: None) -> Iterator[Applier]:
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=START)
    made = Applier()
    yield made
    made.close()


def make(**more: Any) -> BanditView:
    wanted = {"name": "Hue", "arms": ARMS, "reward": "Order Completed", "by": "ann", "now": START, **more}
    made = services.create_bandit(**wanted)
    services.create_slot(
        name="Banner", by="ann", now=START,
        document={"default": {"hue": "grey"}, "fields": ["hue"], "rules": [{"name": "B", "show": {"bandit": "hue"}}],
                  "contents": [{"key": one["key"], "fields": {"hue": one["key"]}} for one in ARMS]},
    )  # fmt: skip
    return made


def show(user: str, now: datetime, kind: str = "user_id", **context: Any) -> str:
    decider = services.Decider(settings.REDIS_URL, seconds=30)
    try:
        [found] = decider.decide(Asked(("banner",), ((kind, user),), context), now=now)
    finally:
        decider.let_go()
    assert found.content == {"hue": found.variant}
    return found.variant


def totals(bandit: BanditView) -> tuple[int, int]:
    counts = counts_of(bandit.id)
    return sum(one.shown for one in counts), sum(one.rewarded for one in counts)


def order(applier: Applier, user: str, *times: datetime) -> None:
    shop = connectors.create_source(name=f"Shop {user}", kind="web", by="ann", now=START).id
    send(shop, [track(user, "Order Completed", at) for at in times], applier, now=max(times))


def test_an_arm_is_kept_for_its_window_and_rewarded_once(applier: Applier) -> None:
    bandit = make(window_hours=24)
    first = show("ann", START)
    drain(applier, now=START)
    assert {show("ann", START + timedelta(hours=hours)) for hours in (1, 12, 23)} == {first}
    drain(applier, now=START + timedelta(hours=23))
    hours = (2, 3, 23.5, 25)
    order(applier, "ann", *(START + timedelta(hours=one) for one in hours))
    # Before its window is over nothing is learned of it.
    services.learn_bandits(now=START + timedelta(hours=23))
    assert totals(bandit) == (0, 0)
    for _ in range(3):
        services.learn_bandits(now=START + timedelta(hours=26))
    assert totals(bandit) == (1, 1)
    found = selectors.bandit("hue")
    assert found is not None
    assert found.learned == {"": {first: (2.0, 1.0)}}


def test_a_late_order_and_a_merge_are_heeded_and_nothing_counts_twice(applier: Applier) -> None:
    bandit = make(window_hours=2)
    show("phone", START, "anonymous_id")
    show("tablet", START + timedelta(minutes=30), "anonymous_id")
    drain(applier, now=START + timedelta(hours=1))
    services.learn_bandits(now=START + timedelta(hours=3))
    assert totals(bandit) == (2, 0)
    shop = connectors.create_source(name="Shop", kind="web", by="ann", now=START).id
    call = track("", "Order Completed", START + timedelta(hours=1)) | {"anonymousId": "phone"}
    del call["userId"]
    send(shop, [call], applier, now=START + timedelta(hours=4))
    services.learn_bandits(now=START + timedelta(hours=4))
    assert totals(bandit) == (2, 1)
    a, b = (identity.find_profile("anonymous_id", device) or 0 for device in ("phone", "tablet"))
    assert identities.merge(a, b, by="ann", reason="the same", now=START + timedelta(hours=5)).done
    services.learn_bandits(now=START + timedelta(hours=6))
    assert totals(bandit) == (1, 1)


def test_a_worker_that_is_killed_while_it_learns_loses_and_doubles_nothing(applier: Applier) -> None:
    bandit = make(window_hours=1)
    for n in range(12):
        show(f"u{n}", START + timedelta(minutes=n))
    drain(applier, now=START + timedelta(minutes=20))
    order(applier, "u3", START + timedelta(minutes=30))
    work = """
from datetime import UTC, datetime
from campaigns.bandits import learning
from campaigns import services
kept = learning.posterior
def slow(*args, **more):
    time.sleep(3600)
learning.posterior = slow
print("ready", flush=True)
open(os.environ["CDP_DATA_DIR"] + "/learning", "w").close()
services.learn_bandits(now=datetime(2026, 11, 2, 12, tzinfo=UTC))
"""
    marker = settings.DATA_FOLDER / "learning"
    marker.unlink(missing_ok=True)
    kill_worker(work, when=marker.exists)
    assert totals(bandit) == (0, 0)
    for _ in range(2):
        services.learn_bandits(now=START + timedelta(hours=4))
    assert totals(bandit) == (12, 1)


def test_each_bucket_of_context_learns_for_itself(applier: Applier) -> None:
    bandit = make(window_hours=1, context=[{"key": "device", "of": "context", "values": ["mobile", "desktop"]}])
    for n in range(6):
        show(f"u{n}", START, device="mobile" if n < 4 else "watch")
    drain(applier, now=START)
    services.learn_bandits(now=START + timedelta(hours=2))
    shown: Counter[str] = Counter()
    for one in counts_of(bandit.id):
        shown[one.bucket] += one.shown
    assert shown == {"device=mobile": 4, "device=other": 2}
    found = selectors.bandit("hue")
    assert found is not None
    assert selectors.bandit_report(found).regret.shown == 6


def test_what_is_stopped_shows_the_default_and_what_cannot_be_is_refused(applier: Applier) -> None:
    bandit = make()
    services.change_bandit(bandit.id, {"running": False, "explore": 0.1}, by="ann", now=START)
    decider = services.Decider(settings.REDIS_URL, seconds=30)
    [found] = decider.decide(Asked(("banner",), (("user_id", "ann"),)), now=START)
    decider.let_go()
    assert (found.content, found.fallback) == ({"hue": "grey"}, True)
    with pytest.raises(InvalidBandit, match="make another"):
        services.change_bandit(bandit.id, {"reward": "X"}, by="ann", now=START)
    with pytest.raises(InvalidBandit) as wrong:
        services.create_bandit(
            name="X", arms=ARMS[:1], reward="", window_hours=0, explore=2, half_life_hours=0.5, by="ann", now=START,
            context=[{"key": "a", "of": "moon", "values": []}],
        )  # fmt: skip
    assert set(wrong.value.problems) == {
        "/arms", "/reward", "/window_hours", "/explore", "/half_life_hours", "/context",
    }  # fmt: skip
