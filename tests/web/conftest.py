"""A small shop with everything the pages show, made through the real services, and one person of each role."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
import zstandard
from django.contrib.auth.hashers import make_password
from django.core.cache import cache as stored
from django.test import Client

import events.services as events
from campaigns import selectors as shown
from campaigns import services as campaigns
from cdp import erasing
from cdp.pipeline.replays import request_quarantine_replay
from cdp.pipeline.run import Applier
from common import clock, jobs, pg
from common.access import create_token
from common.models import User
from common.roles import Role
from connectors import selectors as synced
from connectors import services as connectors
from events import selectors as log
from events.contracts import QuarantineFilter
from identity import selectors as identity
from identity.models import Identifier, ReviewPair
from privacy import services as privacy
from quality import selectors as checked
from quality import services as quality
from quality.contracts import Definition
from segments import services as segments
from tests.applying import apply_all
from tests.web.browser import PASSWORD, chromium, visitor
from tests.web.linkage_rows import applied_run, trained_model

# Fixtures of the browser, one for all tests: a second Playwright in this thread would not start.
__all__ = ["PASSWORD", "chromium", "visitor"]


@dataclass
class Shop:
    """Ids of what was made. `anna` and `ana` are two profiles that may be one person."""

    source: int
    experiment: int
    campaign: int
    template: int
    sent: int
    slot: int
    bandit: int
    anna: int
    ana: int
    segment: int
    destination: int
    sync: int
    run: int
    pair: int
    job: int
    token: int
    viewer: int
    quarantined: int
    model: int
    linkage_run: int
    export: int
    file: int
    publication: int
    erasure: int
    replay: int
    rule: int
    review: int


def _calls() -> list[dict[str, Any]]:
    now = clock.now()

    def call(number: int, kind: str, minutes: int, **more: Any) -> dict[str, Any]:
        at = (now - timedelta(minutes=minutes)).isoformat()
        return {"type": kind, "messageId": f"web-test-{number}", "timestamp": at, "originalTimestamp": at, **more}

    anna = {
        "email": "anna@example.org",
        "first_name": "Anna",
        "last_name": "Berg",
        "phone": "+493012345678",
        "plan": "pro",
    }
    ana = {"email": "ana.berg@example.net", "first_name": "Ana", "last_name": "Berg", "city": "Berlin"}
    bought = {"revenue": 42.5, "email": "anna@example.org"}
    return [
        call(1, "page", 50, anonymousId="browser-1", name="Start"),
        call(2, "identify", 49, anonymousId="browser-1", userId="customer-1", traits=anna),
        call(3, "track", 48, userId="customer-1", event="Order Completed", properties=bought),
        call(4, "track", 47, userId="customer-1", anonymousId="browser-2", event="Product Viewed"),
        call(5, "identify", 40, anonymousId="browser-9", traits=ana),
        call(6, "track", 39, anonymousId="browser-9", event="Cart Abandoned"),
    ]


def _send(source_id: int, calls: list[dict[str, Any]]) -> None:
    now = clock.now()
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=now)
        document = json.dumps({"batch": calls}).encode()
        events.store(
            conn, source_id=source_id, document=document, events=len(calls), client_ip="192.0.2.7", received_at=now,
            compressor=zstandard.ZstdCompressor(level=1),
        )  # fmt: skip
    applier = Applier()
    apply_all(applier, now=clock.now())
    applier.close()


def _refuse(source_id: int) -> None:
    """One item in the quarantine."""
    refused = json.dumps({"type": "track", "event": "Lost", "properties": {"note": "lost@example.org"}}).encode()
    setback = events.Setback(source_id, "no_identity", "Neither userId nor anonymousId is given.", "m-lost", refused)
    with pg.connect(autocommit=True) as conn:
        events.quarantine(conn, [setback], stage="accept", received_at=clock.now())


def _value_to_review(source_id: int) -> tuple[int, int]:
    """A cleaning rule, and a value that waits for a person because of it."""
    now = clock.now()
    told = Definition("Age", "properties", "/age", "range", {"least": "18", "most": "120"}, then="review")
    rule_id = quality.create_rule(told=told, by="admin@example.org", now=now)
    quality.switch_rule(rule_id=rule_id, on=True, by="admin@example.org", now=now)
    quality.keep_list(slug="shops", name="Shops", values=["north", "south"], by="admin@example.org", now=now)
    _send(source_id, [{"type": "track", "messageId": "web-test-age", "userId": "customer-1", "event": "Joined",
                       "properties": {"age": 7, "email": "anna@example.org"}}])  # fmt: skip
    return rule_id, checked.review_items(sources={})[0].id


def _erased(source_id: int) -> int:
    """Somebody who was erased, receipt and all."""
    leaver = {"type": "identify", "messageId": "web-test-leaver", "userId": "leaver-1", "traits": {"plan": "free"}}
    _send(source_id, [leaver])
    found = identity.find_profile("user_id", "leaver-1")
    request = privacy.request_erasure(profile_id=found or 0, by="admin@example.org", now=clock.now())
    erasing.run_erasures(now=clock.now())
    return request.id


def _profile(email: str) -> int:
    found = identity.find_profile("email", email)
    assert found is not None
    return found


@cache
def _hashed() -> str:
    """Hashing a password is slow on purpose: once is enough for all tests."""
    return make_password(PASSWORD)


def one_of_each_role() -> dict[str, User]:
    """A person of each role who can sign in with the one password."""
    return {
        role: User.objects.create(email=f"{role}@example.org", role=role, password=_hashed()) for role in Role.values
    }


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    stored.clear()
    now = clock.now()
    source = connectors.create_source(name="Online shop", kind="web", by="admin@example.org", now=now)
    _send(source.id, _calls())
    _refuse(source.id)
    rule = {"all": [{"event": "Order Completed", "count": {"is": "gte", "value": 1}}]}
    segment = segments.create_segment(name="Buyers", rule=rule, by="admin@example.org", now=now)
    quality.decide_event(name="Order Completed", status="accepted", by="admin@example.org", now=now)
    waiting = segments.request_publication(
        rule={"event": "Product Viewed", "count": {"is": "gte", "value": 3}}, by="admin@example.org", now=now,
        details={"name": "Lookers"},
    )  # fmt: skip
    segments.create_list(slug="regulars", name="Regulars", by="admin@example.org", now=now)
    destination = connectors.create_destination(
        kind="filedrop", name="Mail house", settings={"folder": "mail"}, by="admin@example.org", now=now
    )
    sync = connectors.create_sync(
        segment_id=segment.id,
        destination_id=destination.id,
        name="Buyers to the mail house",
        by="admin@example.org",
        now=now,
    )
    connectors.deliver_due(sync_id=sync.id, now=clock.now())
    export = connectors.request_export(
        segment_id=segment.id, file_format="csv", personal=True, by="admin@example.org", now=now
    )
    connectors.write_exports(now=now)
    file = connectors.take_file(
        source_id=source.id, name="till.csv", chunks=[b"Customer ID,E-Mail\n1,anna@example.org\n2\n"],
        by="admin@example.org", now=now,
    )  # fmt: skip
    connectors.request_run(import_id=file.id, mapping=dict(file.mapping), dry=True, by="admin@example.org", now=now)
    connectors.run_imports(now=now)
    rule, review = _value_to_review(source.id)
    anna, ana = _profile("anna@example.org"), _profile("ana.berg@example.net")
    a, b = sorted(Identifier.objects.get(value=v).pk for v in ("anna@example.org", "ana.berg@example.net"))
    parts = [
        {"field": "prior", "level": "one person, or two strangers", "bits": -4.0},
        {"field": "surname", "level": "exact", "bits": 6.1},
        {"field": "given", "level": "similar", "bits": -0.4},
    ]
    weights = {"model": 0, "weight": 1.7, "probability": 0.71, "instead": "two strangers", "parts": parts, "words": ""}
    pair = ReviewPair.objects.create(a=a, b=b, probability=0.71, weights=weights, created_at=now)
    people = one_of_each_role()
    job = jobs.start("rebuild", "Rebuild all profiles", total=10)
    jobs.progress(job, 4, stage="partition")
    _, token = create_token(name="Reader", scopes=["profiles:read"], by="admin@example.org")
    privacy.describe_purpose(
        key="newsletter", name="Newsletter", text="We write once a month.", by="admin@example.org", now=now
    )
    template, sent = _message(anna, now)
    return Shop(
        source=source.id, experiment=_experiment(now), campaign=_campaign(now), template=template, sent=sent,
        bandit=_bandit(now), slot=_slot(source.id, now), anna=anna, ana=ana, segment=segment.id,
        destination=destination.id, sync=sync.id,
        run=synced.runs(sync_id=sync.id)[0].id, pair=pair.pk, job=job, token=token.pk, viewer=people["viewer"].pk,
        quarantined=next(one.id for one in log.quarantined() if one.stage == "accept"),
        model=trained_model([anna, ana], now=now),
        linkage_run=applied_run([anna, ana], now=now), export=export.id, file=file.id,
        publication=waiting.id, erasure=_erased(source.id),
        replay=request_quarantine_replay(
            fits=QuarantineFilter(reason="too_large"), by="admin@example.org", now=now
        ).id,
        rule=rule, review=review,
    )  # fmt: skip


def _campaign(now: datetime) -> int:
    """A cart reminder with somebody in it."""
    made = campaigns.begin_example("cart-reminder", by="admin@example.org", now=now - timedelta(days=2))
    template = shown.template("cart-reminder")
    campaigns.publish_template(template.id if template else 0, 1, by="admin@example.org", now=now)
    campaigns.start_campaign(made.id, by="admin@example.org", now=now - timedelta(days=2), may_mass=True)
    return made.id


def _message(profile_id: int, now: datetime) -> tuple[int, int]:
    """A template that is sent, and a message to Anna that waits for its channel."""
    by = "admin@example.org"
    campaigns.keep_channel("email", "console", {"sender": "Shop <news@example.org>"}, by=by, now=now)
    campaigns.keep_group(
        key="newsletter", name="Newsletter", description="Once a month", channels=["email"], opt_out=False, by=by,
        now=now,
    )  # fmt: skip
    words = {"subject": "Hello {{ profile.first_name }}", "body": "<p>Your code is {{ code }}</p>"}
    made = campaigns.create_template(
        name="Code", message_class="transactional", contents={"email": {"en": words}}, by=by, now=now
    )
    campaigns.publish_template(made.id, 1, by=by, now=now)
    outcome = campaigns.send_message(
        key="web-test", profile_id=profile_id, template_id=made.id, channels=("email",), message_class="transactional",
        purpose="", variables={"code": "4711"}, now=now,
    )  # fmt: skip
    return made.id, outcome.send_id


def _experiment(now: datetime) -> int:
    made = campaigns.create_experiment(
        name="Blue button", variants=[
            {"key": "as-today", "name": "As today", "weight": 1.0}, {"key": "blue", "name": "Blue", "weight": 1.0},
        ],
        metrics=[{"name": "Orders", "kind": "conversion", "event": "Order Completed"}], by="admin@example.org",
        now=now - timedelta(days=9),
    )  # fmt: skip
    campaigns.start_experiment(made.id, by="admin@example.org", now=now - timedelta(days=9))
    campaigns.analyse(made.id, now=now)
    return made.id


def _bandit(now: datetime) -> int:
    arms = [{"key": "red", "name": "Red"}, {"key": "blue", "name": "Blue"}]
    return campaigns.create_bandit(
        name="Hue", arms=arms, reward="Order Completed", by="admin@example.org", now=now
    ).id  # fmt: skip


def _slot(source: int, now: datetime) -> int:
    return campaigns.create_slot(name="Banner", by="admin@example.org", now=now, document={
        "default": {"title": "Hello"}, "fields": ["title"], "public": True, "sources": [source],
        "contents": [{"key": "red", "fields": {"title": "Red"}}], "rules": [
            {"name": "Pro", "when": {"rule": {"trait": "plan", "is": "eq", "value": "pro"}},
             "show": {"contents": ["red"]}},
            {"name": "All", "show": {"bandit": "hue"}},
        ],
    }).id  # fmt: skip


def signed_in(role: str, *, csrf: bool = False) -> Client:
    """A browser in which the person of a role has signed in."""
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(User.objects.get(email=f"{role}@example.org"))
    return client


def text_of(response: Any) -> str:
    """The words of a page, tags removed."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))
