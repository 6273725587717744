"""What holds for all sends: quiet hours, zone, holdout and caps."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from campaigns.messages.contracts import CHANNELS
from campaigns.sending.contracts import Cap, GroupView, PolicyView
from campaigns.sending.models import SendingPolicy, SubscriptionGroup
from common import audit

_ONLY = 1
_MOST_CAPS = 20
_CLASSES = ("", "marketing", "transactional")


class InvalidPolicy(ValueError):
    """What is wrong, by JSON pointer."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems.items()))
        self.problems = dict(problems)


def policy_row(*, now: datetime) -> SendingPolicy:
    """The one row; made at its first use, with quiet hours from 21 to 8 and four marketing messages a week."""
    return SendingPolicy.objects.get_or_create(pk=_ONLY, defaults={
        "seed": secrets.token_hex(16), "changed_at": now,
        "caps": [{"channel": "", "message_class": "marketing", "most": 4, "hours": 168}],
    })[0]  # fmt: skip


def read_caps(stored: Sequence[Mapping[str, Any]]) -> tuple[Cap, ...]:
    """Caps as they are stored."""
    return tuple(Cap(one["channel"], one["message_class"], one["most"], one["hours"]) for one in stored)


def policy_view(row: SendingPolicy) -> PolicyView:
    """The policy as other apps see it."""
    return PolicyView(
        row.quiet_from, row.quiet_until, row.zone, row.holdout, read_caps(row.caps), row.track_opens, row.track_clicks
    )


@transaction.atomic
def change_policy(changes: Mapping[str, Any], *, by: str, now: datetime, via: str = "ui") -> PolicyView:
    """Change what is named. Raises InvalidPolicy."""
    policy_row(now=now)
    row = SendingPolicy.objects.select_for_update().get(pk=_ONLY)
    before = policy_view(row)
    told = dict(changes)
    if "caps" in told:
        told["caps"] = _checked_caps(told["caps"])
    for name, value in told.items():
        setattr(row, name, value)
    _check(row)
    row.changed_by, row.changed_at = by, now
    row.save()
    audit.record(
        actor=by, via=via, action="sending.policy", object_type="sending", object_id="policy", at=now,
        summary="Changed quiet hours, caps or holdout", before={"caps": len(before.caps), "holdout": before.holdout},
        after=told,
    )  # fmt: skip
    return policy_view(row)


def _check(row: SendingPolicy) -> None:
    problems: dict[str, str] = {}
    for name in ("quiet_from", "quiet_until"):
        if not 0 <= getattr(row, name) < 24 * 60:
            problems[f"/{name}"] = "Give minutes of the day, 0 to 1439."
    if not 0 <= row.holdout <= 50:
        problems["/holdout"] = "Give percent, 0 to 50."
    try:
        ZoneInfo(row.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems["/zone"] = "Give a zone such as Europe/Berlin."
    if problems:
        raise InvalidPolicy(problems)


def _checked_caps(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or len(given) > _MOST_CAPS:
        raise InvalidPolicy({"/caps": f"Give a list of at most {_MOST_CAPS} caps."})
    found, problems = [], {}
    for place, one in enumerate(given):
        cap = {"channel": "", "message_class": "", **one} if isinstance(one, Mapping) else {}
        most, hours = cap.get("most"), cap.get("hours")
        if not isinstance(most, int) or not isinstance(hours, int) or not 1 <= most <= 1000 or not 1 <= hours <= 8784:
            problems[f"/caps/{place}"] = "Give `most` from 1 to 1000, and `hours` from 1 to 8784."
        elif cap["channel"] not in ("", *CHANNELS) or cap["message_class"] not in _CLASSES:
            problems[f"/caps/{place}"] = "Give a known channel and class, or leave them empty for all."
        else:
            found.append({name: cap[name] for name in ("channel", "message_class", "most", "hours")})
    if problems:
        raise InvalidPolicy(problems)
    return found


@transaction.atomic
def keep_group(
    *, key: str, name: str, description: str, channels: Sequence[str], opt_out: bool, by: str, now: datetime,
    via: str = "ui",
) -> GroupView:  # fmt: skip
    """Make or change a subscription group. Raises InvalidPolicy."""
    problems = {}
    if not key or not key.replace("_", "a").isalnum() or not key.isascii() or key != key.lower() or len(key) > 64:
        problems["/key"] = "Use small letters, digits and _."
    if not name.strip():
        problems["/name"] = "Give it a name that people understand."
    if not channels or set(channels) - set(CHANNELS):
        problems["/channels"] = "Choose among the channels."
    if problems:
        raise InvalidPolicy(problems)
    row, made = SubscriptionGroup.objects.update_or_create(key=key, defaults={
        "name": name.strip(), "description": description.strip(), "channels": sorted(set(channels)),
        "opt_out": opt_out, "changed_by": by, "changed_at": now,
    })  # fmt: skip
    audit.record(
        actor=by, via=via, action="sending.group", object_type="subscription_group", object_id=row.pk, at=now,
        summary=f"{'Made' if made else 'Changed'} the subscription group {row.name}",
        after={"channels": row.channels, "opt_out": opt_out},
    )  # fmt: skip
    return GroupView(row.key, row.name, row.description, tuple(row.channels), row.opt_out)
