"""Kept features: traits that follow what comes, and are at the end what the as-of function gives of everybody."""

from typing import Any

import pytest

from cdp.pipeline.follow import follow_moves
from common import clock
from identity import selectors as identity
from insights import selectors, services
from segments import selectors as segments
from segments import services as segment_services
from tests.insights.sending import Sender

pytestmark = pytest.mark.django_db(transaction=True)


def keep_up() -> int:
    return services.keep_up(clock_now=clock.now, after=follow_moves)


def traits(profile: int) -> dict[str, Any]:
    view = identity.profile_view(profile)
    assert view is not None
    return {key: one for key, one in view.traits.items() if key.startswith("feature_")}


def test_an_event_becomes_a_trait_and_the_trait_a_membership(sender: Sender) -> None:
    sender.send(sender.identify("u1"), sender.identify("u2"))
    services.keep_feature(name="frequency", by="ann", now=clock.now())
    keep_up()
    one, two = sender.profile("u1"), sender.profile("u2")
    assert (traits(one), traits(two)) == ({"feature_frequency": 0}, {"feature_frequency": 0})
    made = segment_services.create_segment(
        name="Buyers", slug="buyers", rule={"trait": "feature_frequency", "is": "gte", "value": 1}, by="ann",
        now=clock.now(),
    )  # fmt: skip
    assert list(segments.members(made.id)) == []
    sender.send(sender.order("u1", clock.iso(clock.now()), 20.5))
    assert selectors.upkeep().waiting == 1
    assert keep_up() == 1
    assert (traits(one), traits(two)) == ({"feature_frequency": 1}, {"feature_frequency": 0})
    assert list(segments.members(made.id)) == [one]
    assert selectors.upkeep().waiting == 0
    assert keep_up() == 0
