"""The engagement score: how it adds up, who may change the weights, and the trait with its version and time."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from cdp.pipeline.follow import follow_moves
from common import clock
from common.models import AuditEntry
from identity import selectors as identity
from insights import selectors, services
from insights.contracts import BadEngagement, Part
from insights.engagement import scoring
from insights.engagement.contracts import parts_from, parts_to
from insights.models import Run
from tests.insights.sending import Sender
from tests.insights.test_pages import holder
from tests.web.conftest import one_of_each_role, signed_in, text_of

_parts = st.lists(
    st.builds(Part, st.uuids().map(str), st.floats(0.01, 100), st.floats(0.1, 1000), st.booleans()), min_size=1,
    max_size=5,
)  # fmt: skip
_value = st.one_of(st.floats(-10, 5000), st.just(float("nan")), st.just(float("inf")))


@given(_parts, st.lists(_value, min_size=5, max_size=5), st.integers(0, 4), st.floats(0, 100))
def test_a_score_lies_from_0_to_100_and_rises_with_what_counts(
    parts: list[Part], values: list[float], moved: int, more: float
) -> None:
    row = np.array([values[: len(parts)]])
    points = scoring.points(parts, row)[0]
    assert np.isfinite(points).all()
    assert -1e-9 <= points.sum() <= 100 + 1e-9
    assert (points <= scoring.most(parts) + 1e-9).all()
    at = moved % len(parts)
    higher = row.copy()
    higher[0, at] += more
    difference = scoring.points(parts, higher)[0].sum() - points.sum()
    assert difference * (-1 if parts[at].falls else 1) >= -1e-9


def test_the_points_of_a_part_are_those_of_the_formula() -> None:
    parts = [Part("a", 3, 12), Part("b", 1, 30, falls=True)]
    found = scoring.points(parts, np.array([[12, 0], [3, 15], [99, 60], [np.nan, np.nan]]))
    assert found == pytest.approx(np.array([[75, 25], [75 * np.log(4) / np.log(13), 12.5], [75, 0], [0, 0]]))
    assert parts_from(parts_to(parts)) == tuple(parts)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "between one and"), ([{"feature": "a"}], "weight and full"),
        ([{"feature": "frequency", "weight": 0, "full": 1}], "a number above 0"),
        ([{"feature": "frequency", "weight": 1, "full": float("nan")}], "counts whole from"),
        ([{"feature": "frequency", "weight": 1, "full": 1}] * 2, "once"),
        ([{"feature": "none", "weight": 1, "full": 1}], "no such feature"),
        ([{"feature": "latest_city", "weight": 1, "full": 1}], "is a text"),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_weights_that_cannot_be_are_refused_with_what_to_do(wrong: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(BadEngagement, match=said):
        services.keep_engagement(wrong, by="ann", now=clock.now())


def _work() -> Run:
    services.run_waiting(now=clock.now(), after=follow_moves)
    return Run.objects.order_by("-pk")[0]


def _traits(profile: int) -> dict[str, Any]:
    view = identity.profile_view(profile)
    assert view is not None
    return dict(view.traits)


def _sent(sender: Sender) -> None:
    calls = []
    for n, count in enumerate((40, 6, 0)):
        calls.append(sender.identify(f"u{n}", plan="pro"))
        for day in range(count):
            at = clock.now() - timedelta(days=1 + day % 25, minutes=day)
            calls.append({"type": "track", "event": "Viewed", "userId": f"u{n}", "timestamp": at.isoformat()})
    sender.send(*calls)
    services.keep_setting({"history_sources": [sender.source]}, by="ann", now=clock.now())


@pytest.mark.django_db(transaction=True)
def test_a_person_edits_the_weights_and_everybody_is_scored_by_the_new_version(sender: Sender) -> None:
    _sent(sender)
    one_of_each_role()
    marketer, viewer, page = signed_in("marketer"), signed_in("viewer"), reverse("web:engagement")
    assert "as shipped" in text_of(viewer.get(page))
    assert marketer.post(reverse("web:ask_rfm", args=["engagement"])).status_code == 302
    assert _work().state == "done"
    busy, calm, silent = (_traits(sender.profile(f"u{n}")) for n in range(3))
    assert busy["engagement_score"] > calm["engagement_score"] > silent["engagement_score"]
    assert busy["engagement_model"] == f"version 1, {clock.now():%Y-%m-%d}"
    sent = {
        "part-TOTAL_FORMS": "3", "part-INITIAL_FORMS": "0", "part-0-feature": "events_30d", "part-0-weight": "1",
        "part-0-full": "40", "part-1-feature": "", "part-2-feature": "recency_days", "part-2-weight": "3",
        "part-2-full": "30", "part-2-falls": "on",
    }  # fmt: skip
    assert viewer.post(page, sent).status_code == 403
    assert marketer.post(page, {**sent, "part-0-weight": "0"}).status_code == 422
    assert "once" in text_of(marketer.post(page, {**sent, "part-2-feature": "events_30d"}))
    assert marketer.post(page, sent).status_code == 302
    assert selectors.engagement().version == 2
    assert _work().figures["version"] == 2
    # 41 events count whole; nobody has an order.
    assert _traits(sender.profile("u0"))["engagement_score"] == 25
    assert _traits(sender.profile("u0"))["engagement_model"].startswith("version 2, ")
    shown = text_of(viewer.get(page))
    assert "3 people" in shown
    assert "Version 2" in shown
    entry = AuditEntry.objects.get(action="insights.engagement")
    assert entry.before["parts"][0]["feature"] == "active_days_30d"
    # Of each person by parts, on their page and by the API, as in the trait.
    found = text_of(viewer.get(reverse("web:profile_scores", args=[sender.profile("u0")])))
    assert "of 100" in found
    told = holder("profiles:read").get(f"/profiles/{sender.profile('u0')}/engagement").json()
    assert (told["score"], told["version"]) == (25, 2)
    assert [(one["feature"], one["points"]) for one in told["parts"]] == [("events_30d", 25), ("recency_days", 0)]
    assert told["parts"][1]["value"] is None


@pytest.mark.django_db(transaction=True)
def test_the_api_keeps_weights_once_and_a_closed_day_scores_the_same_again(sender: Sender) -> None:
    _sent(sender)
    writer = holder("segments:write", "segments:read")
    parts = [{"feature": "active_days_30d", "weight": 1, "full": 10}]
    made = writer.post("/insights/engagement", {"parts": parts}).json()
    assert (made["version"], made["newest"]) == (2, None)
    assert writer.post("/insights/engagement", {"parts": parts}).json()["version"] == 2
    assert writer.post("/insights/engagement", {"parts": []}).status_code == 422
    assert writer.post("/insights/engagement", {"parts": [{**parts[0], "feature": "x"}]}).status_code == 422
    closed, found = clock.now() - timedelta(days=9), []
    for _ in range(2):
        services.request_run(kind="engagement", by="ann", now=clock.now(), as_of=closed)
        found.append(_work().figures)
        sender.send({"type": "track", "event": "Viewed", "userId": "u2"})
    assert found[0] == found[1]
    newest = writer.get("/insights/engagement").json()["newest"]
    assert newest["people"] == 3
    assert sum(one["people"] for one in newest["bands"]) == 3
