"""The whole way, from a library in a shop's back end to the figures on the pages: a cart is left, who did it is at
risk, a mail in one of two wordings goes out within the hour unless somebody buys, and what it did is measured: between
wordings, beside a holdout, and against a stored baseline."""

import json
import re
import subprocess
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import selectors, services
from common import clock
from common.models import User
from connectors.services import rotate_write_key
from insights.contracts import Period
from insights.selectors import kpi_report
from insights.services import keep_baseline, refresh_kpis
from segments import selectors as segments
from tests.campaigns.journeys_world import Shop, shop
from tests.campaigns.test_cart_reminder import Sink, hand_over, said, sink
from tests.sdk.test_sdks import HERE, TELLING_SECONDS, needs_node

__all__ = ["shop", "sink"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), needs_node]
PEOPLE = 320
EARLY = 6
RECENT = {"hours": 2}
AT_RISK = {"all": [
    {"event": "Cart Abandoned", "count": {"is": "gte", "value": 1}, "within": RECENT},
    {"not": {"event": "Order Completed", "count": {"is": "gte", "value": 1}, "within": RECENT}},
]}  # fmt: skip
MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{}<a href='{{{{ unsubscribe_url }}}}'>Leave</a></mj-text>"
    "</mj-column></mj-section></mj-body></mjml>"
)


class Told:
    """Tells calls by Segment's library for Node, to the running server."""

    def __init__(self, port: int, key: str) -> None:
        self.command = ["node", "send_scenario.mjs", f"http://127.0.0.1:{port}", key]

    def __call__(self, calls: list[dict[str, Any]]) -> None:
        done = subprocess.run(
            self.command, cwd=HERE, input=json.dumps(calls), capture_output=True, text=True, timeout=TELLING_SECONDS,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def person(n: int, at: datetime) -> dict[str, Any]:
    traits = {"email": f"u{n}@example.org", "consent_news": True}
    return {"type": "identify", "userId": f"u{n}", "traits": traits, "timestamp": at.isoformat()}


def track(n: int, event: str, at: datetime, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track", "userId": f"u{n}", "event": event, "properties": properties, "timestamp": at.isoformat()
    }  # fmt: skip


def make_campaign(shop: Shop) -> tuple[int, int, str]:
    """The campaign, its experiment, and the segment that lets people in."""
    slug = shop.segment("At-Risk", AT_RISK)
    for key in ("plain", "warm"):
        made = services.create_template(
            name=key, message_class="marketing", by="ann", now=shop.now,
            contents={"email": {"en": {"subject": "Your cart", "body": MJML.format(f"The {key} words. ")}}},
        )  # fmt: skip
        services.publish_template(made.id, 1, by="ann", now=shop.now)
    test = services.create_experiment(
        name="Words", by="ann", now=shop.now, expected=200,
        variants=[{"key": key, "name": key.title(), "weight": 1.0} for key in ("plain", "warm")],
        metrics=[{"name": "Orders", "kind": "conversion", "event": "Order Completed"}],
    )  # fmt: skip
    services.start_experiment(test.id, by="ann", now=shop.now)
    campaign = shop.start({
        "entry": {"kind": "segment", "segment": slug}, "again": "never", "leaving": {"segment": slug}, "holdout": 50,
        "purpose": "news", "goal": {"event": "Order Completed", "minutes": 1_440, "ends": False},
        "steps": [
            {"kind": "wait", "id": "rest", "minutes": 45, "next": "words"},
            {"kind": "experiment", "id": "words", "experiment": "words", "otherwise": "plain",
             "variants": {"plain": "plain", "warm": "warm"}},
            {"kind": "send", "id": "plain", "template": "plain"}, {"kind": "send", "id": "warm", "template": "warm"},
        ],
    })  # fmt: skip
    return campaign.id, test.id, slug


def remind(shop: Shop, tell: Told, slug: str, *, began: datetime) -> None:
    """Everybody leaves a cart and is at risk seconds later; the first ones buy in time; an hour goes by."""
    tell([person(n, began) for n in range(PEOPLE)])
    tell([track(n, "Cart Abandoned", began + timedelta(seconds=1), total=n) for n in range(PEOPLE)])
    shop.apply()
    shop.run(seconds=2)
    at_risk = next(one for one in segments.segments() if one.slug == slug)
    assert segments.size(at_risk.id) == PEOPLE
    shop.now = began + timedelta(minutes=20)
    tell([track(n, "Order Completed", shop.now, revenue=10) for n in range(EARLY)])
    shop.apply()
    hand_over(shop)
    shop.now = began + timedelta(minutes=50)
    hand_over(shop)


def sides_of(shop: Shop, campaign: int, sink: Sink) -> dict[str, list[int]]:
    """Who was held out and who got which words, by what the mail server took: one each, and no early buyer."""
    held = {one.profile_id for one in selectors.instances(campaign_id=campaign, limit=500) if one.state == "held_out"}
    out = [n for n in range(EARLY, PEOPLE) if shop.profile(f"u{n}") in held]
    written = {str(mail["To"]): "warm" if "warm words" in said(mail) else "plain" for mail in sink.mails}
    assert len(sink.mails) == len(written)
    assert sorted(written) == sorted(f"u{n}@example.org" for n in range(EARLY, PEOPLE) if n not in set(out))
    return {"held": out} | {
        key: [n for n in range(EARLY, PEOPLE) if written.get(f"u{n}@example.org") == key] for key in ("plain", "warm")
    }


def a_week_before(shop: Shop, tell: Told) -> Period:
    """So many orders on each of seven days, before there is a campaign; the days."""
    days = [shop.now - timedelta(days=back) for back in range(7, 0, -1)]
    tell([track(PEOPLE + n, "Order Completed", day, revenue=10) for day in days for n in range(EARLY)])
    shop.apply()
    return Period(days[0].date(), days[-1].date())


def expect_lift_against(baseline: Period, page: Client, *, day: date, orders: int, now: datetime) -> None:
    """The dashboard shows the day of the campaign beside a day of the stored baseline."""
    refresh_kpis(now=now)
    keep_baseline(name="Without it", period=baseline, by="ann", now=now)
    asked = {"from": f"{day}", "to": f"{day}", "baseline": "Without it"}
    [found] = [one for one in kpi_report(now=now, first=day, last=day, baseline_name="Without it").values
               if one.kpi.key == "orders"]  # fmt: skip
    assert (found.value, found.baseline) == (orders, EARLY)
    assert found.against_baseline == pytest.approx(orders / EARLY - 1)
    shown = page.get(reverse("web:kpis"), asked).content.decode()
    lift = re.escape(f"{100 * (orders / EARLY - 1):+.1f} %")
    row = rf'>Orders</a></th><td[^>]*>{orders}</td>.*?data-label="Against Without it"[^>]*>{lift}</td>'
    assert re.search(row, shown, re.DOTALL)


def test_from_a_library_to_the_lift_beside_a_holdout_and_a_baseline(shop: Shop, web: int, sink: Sink) -> None:
    tell = Told(web, rotate_write_key(source_id=shop.source, by="ann").write_key)
    # What the library tells comes in by the server's own clock, which figures of days go by: so the test's clock begins
    # shortly before that, whatever the year, and not at an instant that one day is too long ago.
    shop.now = clock.now().replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=4)
    baseline = a_week_before(shop, tell)
    campaign, test, slug = make_campaign(shop)
    began = shop.now
    remind(shop, tell, slug, began=began)
    # Chance says who is held out and who reads what; of each the same share buys. Of 320 at one half, more than 222 are
    # held out with probability 7e-13, and of the 98 then left fewer than 19 read one wording with 2e-10.
    sides, share = sides_of(shop, campaign, sink), {"held": 0.1, "plain": 0.3, "warm": 0.9}
    buyers = [n for side, people in sides.items() for n in people[: ceil(len(people) * share[side])]]
    shop.now = began + timedelta(hours=3)
    tell([track(n, "Order Completed", shop.now, revenue=20) for n in buyers])
    shop.apply()
    hand_over(shop)
    later = began + timedelta(days=2)
    results = selectors.campaign_results(campaign, now=later)
    assert results.treated.converted + results.held_out.converted == EARLY + len(buyers)
    assert results.difference is not None
    assert results.difference.low > 0
    plain, warm = services.analyse(test, now=later).metrics[0].arms
    assert (plain.people, warm.people) == (len(sides["plain"]), len(sides["warm"]))
    assert warm.low is not None
    assert 0 < warm.low < (warm.lift or 0)
    admin = Client()
    admin.force_login(User.objects.create(email="admin@example.org", role="admin"))
    assert "surely between" in admin.get(reverse("web:campaign", args=[campaign])).content.decode()
    assert "Surely between" in admin.get(reverse("web:experiment", args=[test])).content.decode()
    expect_lift_against(baseline, admin, day=began.date(), orders=EARLY + len(buyers), now=clock.now())
