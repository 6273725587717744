"""Sentiment of texts: what is English and says something, known when it was told, and a trait like others."""

import math
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from cdp.erasing import run_erasures
from cdp.pipeline.follow import follow_moves
from common import clock, pg
from identity import selectors as identity
from insights import selectors, services
from insights.contracts import BadFeature
from insights.features.declared import expect_measure
from insights.features.sentiment import reads_english, sentiment, tone
from insights.models import Run
from privacy import services as privacy
from segments import selectors as segments
from segments import services as segment_services
from tests.insights.sending import Sender
from tests.insights.test_pages import holder
from tests.insights.world import SPRING, Shop, told
from tests.web.conftest import one_of_each_role, signed_in, text_of

GOOD, BAD = "I love it, thank you so much!", "Terrible. It broke at once, and nobody helped me."


@pytest.mark.parametrize(
    ("text", "english"),
    [
        (GOOD, True), ("Great!", True), ("die Lieferung war gut", False), ("Très bon, je suis content", False),
        ("El producto es bueno", False), ("Очень плохо", False), ("最悪です", False), ("", True),
        ("not worth it", True), ("The Café in München was lovely", True),
    ],
)  # fmt: skip
def test_small_words_and_letters_tell_whether_a_text_reads_english(text: str, english: bool) -> None:
    assert reads_english(text) is english


def test_what_is_not_english_or_has_no_word_of_the_lexicon_is_not_known_and_not_neutral() -> None:
    assert sentiment([GOOD]) > 0.5 > -0.5 > sentiment([BAD])
    for nothing in ([], ["Die Lieferung war gut"], ["The parcel arrived on Tuesday"], ["😐"], [""]):
        assert math.isnan(sentiment(nothing))
    assert sentiment([GOOD, "die Lieferung war gut"]) == sentiment([GOOD])
    assert sentiment([GOOD, BAD]) == pytest.approx((sentiment([GOOD]) + sentiment([BAD])) / 2)
    assert [tone(one) for one in (0.05, 0.04, -0.04, -0.05)] == ["positive", "neutral", "neutral", "negative"]
    assert sentiment(["not good at all"]) < 0 < sentiment(["not bad at all"])


def test_it_is_what_had_been_told_by_then_within_the_window(shop: Shop) -> None:
    for person in (1, 2, 3):
        shop.person(person)
    days = [SPRING - timedelta(days=one) for one in (40, 10, 5)]
    shop.tells(1, "Reviewed", days[0], text=BAD)
    shop.tells(1, "Reviewed", days[1], text=GOOD)
    shop.tells(2, "Reviewed", days[2], received=SPRING + timedelta(days=1), text=BAD)
    shop.tells(3, "$identify", days[0], traits={"about": BAD})
    shop.tells(3, "$identify", days[2], traits={"about": GOOD})
    for name, measure, event, held, window in (
        ("mood", "sentiment", "Reviewed", "text", None), ("mood_30d", "sentiment", "Reviewed", "text", 30),
        ("about", "trait_sentiment", "", "about", None),
    ):  # fmt: skip
        services.declare_feature(
            name=name, measure=measure, event=event, property=held, window_days=window, by="ann", now=SPRING
        )
    names = ("mood", "mood_30d", "about")
    good, both = round(sentiment([GOOD]), 6), round(sentiment([GOOD, BAD]), 6)
    found = {who: [one and round(one, 6) for one in row] for who, row in told(*names, as_of=SPRING).items()}
    assert found == {1: [both, good, None], 2: [None, None, None], 3: [None, None, good]}
    before = told(*names, as_of=days[1])
    assert (before[1][0], before[3][2]) == (pytest.approx(sentiment([BAD])), pytest.approx(sentiment([BAD])))
    # Late and later, and of one person alone.
    assert told(*names, as_of=SPRING + timedelta(days=2))[2][0] == pytest.approx(sentiment([BAD]))
    assert told(*names, as_of=SPRING, person=1)[1] == told(*names, as_of=SPRING)[1]
    shop.moves([2], 1, now=SPRING)
    assert told("mood", as_of=SPRING + timedelta(days=2))[1][0] == pytest.approx(sentiment([GOOD, BAD, BAD]))


def _work() -> Run:
    services.run_waiting(now=clock.now(), after=follow_moves)
    return Run.objects.filter(kind="sentiment").order_by("-pk")[0]


def _traits(profile: int) -> dict[str, Any]:
    view = identity.profile_view(profile)
    assert view is not None
    return {key: one for key, one in view.traits.items() if key.startswith("sentiment_")}


@pytest.mark.django_db(transaction=True)
def test_it_becomes_traits_that_segments_follow_that_are_erased_and_that_go_with_the_feature(sender: Sender) -> None:
    one_of_each_role()
    texts = {"u1": GOOD, "u2": BAD, "u3": "Die Lieferung war gut"}
    sender.send(*[sender.identify(user, plan="pro") for user in texts], *[
        {"type": "track", "event": "Reviewed", "userId": user, "properties": {"text": text}}
        for user, text in texts.items()
    ])  # fmt: skip
    marketer = signed_in("marketer")
    sent = {"name": "mood", "measure": "sentiment", "event": "Reviewed", "property": "text"}
    assert marketer.post(reverse("web:features"), sent).status_code == 302
    assert "not computed yet" in text_of(marketer.get(reverse("web:features")))
    unhappy = segment_services.create_segment(
        name="Unhappy", slug="unhappy", rule={"trait": "sentiment_mood_tone", "is": "eq", "value": "negative"},
        by="ann", now=clock.now(),
    )  # fmt: skip
    row = _work()
    assert (row.state, row.figures["features"]) == ("done", {"mood": {"positive": 1, "neutral": 0, "negative": 1}})
    good, bad, other = (sender.profile(user) for user in texts)
    assert _traits(good) == {
        "sentiment_mood": round(sentiment([GOOD]), 4), "sentiment_mood_tone": "positive",
        "sentiment_mood_model": f"VADER 3.3.2, English, {row.as_of:%Y-%m-%d}",
    }  # fmt: skip
    assert _traits(other) == {}
    assert list(segments.members(unhappy.id)) == [bad]
    shown = text_of(marketer.get(reverse("web:features")))
    assert "1 positive, 0 neutral, 1 negative" in shown
    assert "English only" in shown
    assert "sentiment mood tone" in text_of(marketer.get(reverse("web:profile", args=[good]))).lower()
    assert holder("profiles:read").get(f"/profiles/{good}").json()["traits"]["sentiment_mood_tone"] == "positive"
    privacy.request_erasure(profile_id=bad, by="ann", now=clock.now())
    run_erasures(now=clock.now())
    assert list(segments.members(unhappy.id)) == []
    assert pg.raw().execute("select count(*) from identity_claim where source_id = 0").fetchall() == [(3,)]
    # Once it is no sentiment any more, nobody has its traits.
    services.declare_feature(
        name="mood", measure="count", event="Reviewed", property="", by="ann", now=clock.now()
    )  # fmt: skip
    assert _work().state == "done"
    assert _traits(good) == {}


@pytest.mark.django_db(transaction=True)
def test_the_clock_asks_for_sentiment_while_a_feature_has_texts_and_once_more_to_take_its_traits(
    sender: Sender,
) -> None:
    def declared_as(measure: str) -> None:
        services.declare_feature(
            name="mood", measure=measure, event="Reviewed", property="text", by="ann", now=clock.now()
        )

    later = clock.now() + timedelta(days=2)
    declared_as("sentiment")
    assert _work().state == "done"
    assert services.plan_runs(now=later) == 1
    assert _work().state == "done"
    declared_as("count")
    assert _work().state == "done"
    assert services.plan_runs(now=later + timedelta(days=2)) == 0
    declared_as("sentiment")
    assert _work().state == "done"
    assert services.plan_runs(now=later + timedelta(days=4)) == 1


def test_a_sentiment_without_a_property_is_refused() -> None:
    with pytest.raises(BadFeature, match="property"):
        expect_measure(measure="sentiment", event="Reviewed", property="", window_days=None)
    assert set(selectors.MEASURES) >= {"sentiment", "trait_sentiment"}
