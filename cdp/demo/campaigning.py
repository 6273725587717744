"""What the demo's shop tries out and says: an experiment on its pages, and a cart reminder beside people held out.

Nobody's basket in the play depends on what was shown or said, so the honest answer of both is that nothing is sure yet,
and the pages show what that looks like. Everything goes the way that it goes for everybody: pages tell what they showed
as SDKs do, and the reminder is sent by the campaign's own workers.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from campaigns import selectors, services
from campaigns.contracts import EXPOSURE, ExperimentView
from cdp.demo.messages import JSON, Message, identify, track
from cdp.demo.people import Person
from cdp.demo.shopping import LAST_MOMENT

_EXPERIMENT, _CAMPAIGN, _TEMPLATE = "delivery-promise", "cart-reminder", "cart-waits"
_PURPOSE = "newsletter"
# Carts of these days are reminded of when the play arrives; what is left in a cart from then on within the hour.
_LASTS = timedelta(days=60)
_DAY = 1_440
_MESSAGE_IDS = uuid.UUID("0c1f7f52-8f0e-4b0c-9a3e-57f1d2a6c7b4")
_SPEC: Mapping[str, Any] = {
    "entry": {"kind": "event", "event": "Cart Updated", "late_minutes": _LASTS.days * _DAY},
    "again": "after_exit", "again_minutes": _DAY, "purpose": _PURPOSE, "holdout": 30.0,
    "goal": {"event": "Order Completed", "minutes": 3 * _DAY, "ends": False},
    "steps": [
        {"kind": "wait_event", "id": "buys", "name": "Buys?", "event": "Order Completed", "minutes": 45,
         "next": "bought", "otherwise": "remind"},
        {"kind": "send", "id": "remind", "name": "Remind", "template": _TEMPLATE, "channels": ["inapp"]},
        {"kind": "exit", "id": "bought", "name": "Bought"},
    ],
}  # fmt: skip


def create_campaign(*, by: str, now: datetime) -> None:
    """The cart reminder with its template, running; nothing where it is there already."""
    if selectors.campaign(_CAMPAIGN) is not None:
        return
    if selectors.template(_TEMPLATE) is None:
        words = {
            "title": "Your cart is waiting, {{ profile.first_name | default: 'good to see you' }}",
            "body": "It is kept until tonight.", "url": "https://shop.example/cart",
        }  # fmt: skip
        made = services.create_template(
            name="Cart waits", slug=_TEMPLATE, message_class="marketing", contents={"inapp": {"en": words}}, by=by,
            now=now,
        )  # fmt: skip
        services.publish_template(made.id, 1, by=by, now=now)
    campaign = services.create_campaign(name="Cart reminder", slug=_CAMPAIGN, spec=dict(_SPEC), by=by, now=now)
    services.start_campaign(campaign.id, by=by, now=now, may_mass=False)


def create_experiment(*, shift: timedelta, by: str) -> ExperimentView:
    """The experiment, begun two months before the play ends."""
    known = selectors.experiment(_EXPERIMENT)
    if known is not None:
        return known
    began = LAST_MOMENT + shift - _LASTS
    made = services.create_experiment(
        name="Delivery promise", slug=_EXPERIMENT, expected=600, by=by, now=began,
        hypothesis="A day of delivery beside the price makes more visitors buy.",
        variants=[{"key": "as-today", "name": "As today", "weight": 1.0},
                  {"key": "day", "name": "With a day of delivery", "weight": 1.0}],
        metrics=[
            {"name": "Orders within three days", "kind": "conversion", "event": "Order Completed", "hours": 72},
            {"name": "Revenue", "kind": "sum", "event": "Order Completed", "property": "revenue", "hours": 72,
             "cap": 99},
        ],
    )  # fmt: skip
    return services.start_experiment(made.id, by=by, now=began)


def visits(
    experiment: ExperimentView, messages: Sequence[Message], people: Sequence[Person], *, shift: timedelta
) -> list[JSON]:
    """What the web shop says beside the play, in order of time: who takes the newsletter, and which page was shown.

    Once for each account that was there in these two months. The same experiment gives the same messages.
    """
    takes_news = {one.key for one in people if one.subscribed}
    first: dict[str, Message] = {}
    for one in sorted(messages, key=lambda message: message.at):
        if one.channel == "web" and one.at >= LAST_MOMENT - _LASTS and one.body.get("userId"):
            first.setdefault(one.body["userId"], one)
    told: list[JSON] = []
    for user, seen in first.items():
        at = seen.at + shift
        if seen.person in takes_news:
            told.append(_wire(identify({f"consent_{_PURPOSE}": True}, userId=user), f"news/{user}", at))
        variant = services.decide(
            experiment, profile_id=None, kind="user_id", value=user, expose=False, now=at
        ).variant  # fmt: skip
        shown = {
            "experiment_id": experiment.slug, "experiment_name": experiment.name, "variation_id": variant.key,
            "variation_name": variant.name,
        }  # fmt: skip
        told.append(_wire(track(EXPOSURE, shown, userId=user), f"seen/{user}", at))
    return told


def measure(*, now: datetime) -> None:
    """Measure the experiment, so that whoever looks first finds a result."""
    found = selectors.experiment(_EXPERIMENT)
    if found is not None and found.state == "running":
        services.analyse(found.id, now=now)


def _wire(body: JSON, name: str, at: datetime) -> JSON:
    when = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**body, "messageId": str(uuid.uuid5(_MESSAGE_IDS, name)), "timestamp": when}
