"""Switching on and off that features are kept as traits: by page and API, and what becomes of the traits."""

import pytest
from django.urls import reverse

from cdp.erasing import run_erasures
from common import clock, pg
from common.models import AuditEntry
from insights import selectors, services
from insights.contracts import BadFeature
from insights.keeping.contracts import MOST_KEPT
from insights.keeping.models import Touched
from privacy import services as privacy
from tests.insights.sending import Sender
from tests.insights.test_keeping import keep, keep_up, ordered, traits, viewed
from tests.insights.test_pages import holder
from tests.web.conftest import one_of_each_role, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_switching_off_removing_and_erasing_take_the_trait_away_everywhere(sender: Sender) -> None:
    services.declare_feature(name="views", measure="count", event="Viewed", by="ann", now=clock.now())
    keep("frequency", "views")
    sender.send(ordered(sender, "u1", 10), viewed("u2", "a", days=1))
    keep_up()
    one, two = sender.profile("u1"), sender.profile("u2")
    assert traits(two) == {"feature_frequency": 0, "feature_views": 1}
    services.drop_kept_feature(name="frequency", by="ann", now=clock.now())
    assert [one.leaving for one in selectors.kept_features()] == [True, False]
    keep_up()
    assert [traits(one), traits(two)] == [{"feature_views": 0}, {"feature_views": 1}]
    privacy.request_erasure(profile_id=two, by="ann", now=clock.now())
    run_erasures(now=clock.now())
    keep_up()
    assert pg.raw().execute("select count(*) from identity_claim where source_id = 0").fetchall() == [(1,)]
    services.remove_feature(name="views", by="ann", now=clock.now())
    keep_up()
    assert traits(one) == {}
    assert selectors.kept_features() == []
    # Nothing is noted while nothing is kept.
    sender.send(ordered(sender, "u1", 10))
    assert not Touched.objects.exists()
    # Kept again, everybody has it again.
    keep("frequency")
    keep_up()
    assert traits(one) == {"feature_frequency": 2}


def test_another_meaning_of_a_feature_or_of_an_order_computes_everybody_anew(sender: Sender) -> None:
    services.declare_feature(name="views", measure="count", event="Viewed", by="ann", now=clock.now())
    keep("views", "monetary")
    sender.send(viewed("u1", "a", days=1), viewed("u1", "a", days=2), ordered(sender, "u1", 10, total_paid=12))
    keep_up()
    profile = sender.profile("u1")
    assert traits(profile) == {"feature_views": 2, "feature_monetary": 10}
    services.declare_feature(
        name="views", measure="distinct", event="Viewed", property="page", by="ann", now=clock.now()
    )  # fmt: skip
    services.keep_setting({"amount": ["total_paid"]}, by="ann", now=clock.now())
    keep_up()
    assert traits(profile) == {"feature_views": 1, "feature_monetary": 12}
    # Sentiment has a run of its own: once it is that, this trait goes.
    services.declare_feature(
        name="views", measure="sentiment", event="Viewed", property="page", by="ann", now=clock.now()
    )  # fmt: skip
    keep_up()
    assert traits(profile) == {"feature_monetary": 12}


def test_another_meaning_of_a_part_computes_what_is_made_of_it_anew(sender: Sender) -> None:
    services.declare_feature(name="views", measure="count", event="Viewed", by="ann", now=clock.now())
    services.declare_feature(
        name="per_order", measure="ratio", left="views", right="frequency", by="ann", now=clock.now()
    )  # fmt: skip
    keep("per_order")
    sender.send(viewed("u1", "a", days=1), viewed("u1", "a", days=2), ordered(sender, "u1", 10))
    keep_up()
    profile = sender.profile("u1")
    assert traits(profile) == {"feature_per_order": 2}
    services.declare_feature(
        name="views", measure="distinct", event="Viewed", property="page", by="ann", now=clock.now()
    )  # fmt: skip
    keep_up()
    assert traits(profile) == {"feature_per_order": 1}


def test_what_cannot_be_kept_is_refused_with_why(sender: Sender) -> None:
    services.declare_feature(
        name="mood", measure="sentiment", event="Reviewed", property="text", by="ann", now=clock.now()
    )  # fmt: skip
    with pytest.raises(BadFeature, match="sentiment_mood"):
        keep("mood")
    with pytest.raises(BadFeature, match="no such feature"):
        keep("moods")
    some = [name for name, one in selectors.features().items() if not one.texts][: MOST_KEPT + 1]
    keep(*some[:MOST_KEPT], some[0])
    with pytest.raises(BadFeature, match=f"{MOST_KEPT} features are kept already"):
        keep(some[MOST_KEPT])
    with pytest.raises(BadFeature, match="not kept"):
        services.drop_kept_feature(name=some[MOST_KEPT], by="ann", now=clock.now())


def test_a_marketer_keeps_features_on_the_page(sender: Sender) -> None:
    one_of_each_role()
    sender.send(ordered(sender, "u1", 10), sender.identify("u2"))
    marketer, viewer = signed_in("marketer"), signed_in("viewer")
    page, switch = reverse("web:features"), reverse("web:kept_feature", args=["average_order"])
    assert "None yet" in text_of(viewer.get(page))
    assert viewer.post(switch).status_code == 403
    assert marketer.post(switch).status_code == 302
    assert "computing" in text_of(viewer.get(page))
    keep_up()
    shown = text_of(viewer.get(page))
    assert "feature_average_order" in shown
    assert "all that came is in" in shown
    profile = sender.profile("u1")
    assert "Insights, kept feature" in text_of(viewer.get(reverse("web:profile", args=[profile])))
    sender.send(ordered(sender, "u1", 20))
    assert "1 person waits" in text_of(viewer.get(page))
    assert marketer.post(switch, {"do": "drop"}).status_code == 302
    assert "being taken away" in text_of(viewer.get(page))
    assert marketer.post(switch, {"do": "drop"}).status_code == 302
    assert "not kept as a trait" in text_of(marketer.get(page))
    keep_up()
    assert traits(profile) == {}
    assert _audited() == [("insights.feature_kept", "ui"), ("insights.feature_not_kept", "ui")]


def _audited() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(object_type="feature").order_by("pk").values_list("action", "via"))


def test_a_program_keeps_features_by_the_api(sender: Sender) -> None:
    sender.send(ordered(sender, "u1", 10), sender.identify("u2"))
    api = holder("profiles:read", "segments:read", "segments:write")
    made = api.post("/insights/features/average_order/kept").json()
    assert (made["trait"], made["state"], made["whole_at"]) == ("feature_average_order", "computing", None)
    keep_up()
    found = api.get("/insights/features/kept").json()
    assert [(one["name"], one["state"], one["people"]) for one in found["features"]] == [("average_order", "kept", 1)]
    assert (found["waiting"], found["most"]) == (0, MOST_KEPT)
    profile = sender.profile("u1")
    assert api.get(f"/profiles/{profile}").json()["traits"]["feature_average_order"] == 10
    assert api.post("/insights/features/nothing/kept").status_code == 404
    assert holder("segments:read").post("/insights/features/frequency/kept").status_code == 403
    assert api.delete("/insights/features/average_order/kept").status_code == 204
    assert api.delete("/insights/features/average_order/kept").status_code == 404
    assert _audited() == [("insights.feature_kept", "api"), ("insights.feature_not_kept", "api")]
