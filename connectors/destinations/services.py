"""Setting destinations up, testing, pausing, rotating secrets. Every change is audited; secrets never are."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from common import audit, clock, crypto
from common.http import AllowList, Http
from common.outside import outside_settings
from connectors.destinations.contracts import DestinationView, InvalidSettings, Tested
from connectors.destinations.errors import DeliveryError
from connectors.destinations.kit import Account, Outside, setting_problems
from connectors.destinations.models import Destination
from connectors.destinations.registry import DESTINATIONS
from connectors.destinations.selectors import view

ROTATION_OVERLAP = timedelta(hours=24)


@transaction.atomic
def create_destination(
    *,
    kind: str,
    name: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    calls_per_second: float | None = None,
    by: str,
    via: str = "ui",
    now: datetime | None = None,
) -> DestinationView:
    """Set an account up. Secrets that were made here are in `shown_once` of the answer and nowhere else in clear.

    Raises InvalidSettings with everything that is wrong.
    """
    given = {key: value for key, value in (secrets or {}).items() if value}
    made = {key: value for key, value in _made_secrets(kind).items() if key not in given}
    all_secrets = {**made, **given}
    _check(kind, name, settings, all_secrets, calls_per_second)
    moment = now or clock.now()
    row = Destination.objects.create(
        kind=kind,
        name=name.strip(),
        settings=dict(settings),
        secrets=_hide(all_secrets),
        calls_per_second=calls_per_second,
        created_by=by,
        created_at=moment,
        updated_at=moment,
    )
    _record(row, "created", f"Created the {kind} destination “{row.name}”", by=by, via=via, after=dict(settings))
    return view(row, shown_once=made)


@transaction.atomic
def update_destination(
    *,
    destination_id: int,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    calls_per_second: float | None = None,
    by: str,
    via: str = "ui",
    now: datetime | None = None,
) -> DestinationView:
    """Change what is given; None leaves it as it is, and so does an empty secret."""
    row = Destination.objects.select_for_update().get(pk=destination_id)
    before = {"name": row.name, "settings": row.settings, "calls_per_second": row.calls_per_second}
    row.name = row.name if name is None else name.strip()
    row.settings = row.settings if settings is None else dict(settings)
    row.calls_per_second = row.calls_per_second if calls_per_second is None else calls_per_second
    hidden = {**reveal(row), **{key: value for key, value in (secrets or {}).items() if value}}
    _check(row.kind, row.name, row.settings, hidden, row.calls_per_second, but=row.pk)
    row.secrets, row.updated_at = _hide(hidden), now or clock.now()
    row.save()
    after = {"name": row.name, "settings": row.settings, "calls_per_second": row.calls_per_second}
    _record(row, "changed", f"Changed the destination “{row.name}”", by=by, via=via, before=before, after=after)
    return view(row)


@transaction.atomic
def rotate_secret(*, destination_id: int, by: str, via: str = "ui", now: datetime | None = None) -> DestinationView:
    """Make a new signing secret, shown once in the answer. The old one signs too until the overlap ends."""
    row = Destination.objects.select_for_update().get(pk=destination_id)
    moment = now or clock.now()
    made, hidden = _made_secrets(row.kind), reveal(row)
    if not made:
        raise InvalidSettings([f"A {row.kind} destination has no secret of ours to rotate."])
    for key in made:
        hidden[f"previous_{key}"] = hidden.get(key, "")
    until = (moment + ROTATION_OVERLAP).isoformat()
    row.secrets, row.updated_at = _hide({**hidden, **made, "previous_until": until}), moment
    row.save(update_fields=["secrets", "updated_at"])
    _record(row, "secret_rotated", f"Rotated the secret of “{row.name}”", by=by, via=via)
    return view(row, shown_once=made)


def test_destination(*, destination_id: int, now: datetime) -> Tested:
    """Make the cheapest real call, outside of any transaction, and keep how it went."""
    row = Destination.objects.get(pk=destination_id)
    permitted = outside_settings()
    with Http(allow=AllowList.of(permitted.allow)) as http:
        outside = Outside(http=http, drop_folder=permitted.drop_folder, now=now)
        try:
            account = Account(id=row.pk, settings=row.settings, secrets=reveal(row))
            tested = Tested(ok=True, code="ok", message=DESTINATIONS[row.kind].test(outside, account))
        except DeliveryError as error:
            tested = Tested(ok=False, code=error.code, message=error.message)
        except crypto.CannotDecrypt as error:
            tested = Tested(ok=False, code="cannot_decrypt", message=str(error))
    Destination.objects.filter(pk=row.pk).update(last_tested_at=now, last_test_result=tested.message)
    return tested


@transaction.atomic
def pause_destination(*, destination_id: int, by: str, reason: str = "", via: str = "ui") -> DestinationView:
    """Send nothing more, of any sync, until it is resumed. What is planned waits."""
    row = Destination.objects.select_for_update().get(pk=destination_id)
    row.state, row.state_reason = Destination.State.PAUSED, reason or f"Paused by {by}."
    row.save(update_fields=["state", "state_reason"])
    _record(row, "paused", f"Paused the destination “{row.name}”", by=by, via=via)
    return view(row)


@transaction.atomic
def resume_destination(*, destination_id: int, by: str, via: str = "ui") -> DestinationView:
    """Send again, at once: a rest that the channel had asked for is over too."""
    row = Destination.objects.select_for_update().get(pk=destination_id)
    row.state, row.state_reason, row.rest_until, row.failures_in_a_row = Destination.State.ACTIVE, "", None, 0
    row.save(update_fields=["state", "state_reason", "rest_until", "failures_in_a_row"])
    _record(row, "resumed", f"Resumed the destination “{row.name}”", by=by, via=via)
    return view(row)


def reveal(row: Destination) -> dict[str, str]:
    """The secrets in clear, for a call or a change."""
    found: dict[str, str] = json.loads(crypto.decrypt(row.secrets)) if row.secrets else {}
    return found


def _hide(secrets: Mapping[str, str]) -> str:
    return crypto.encrypt(json.dumps(dict(secrets))) if secrets else ""


def _made_secrets(kind: str) -> dict[str, str]:
    known = DESTINATIONS.get(kind)
    return known.make_secrets() if known else {}


def _check(
    kind: str,
    name: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    calls_per_second: float | None,
    *,
    but: int | None = None,
) -> None:
    known = DESTINATIONS.get(kind)
    if known is None:
        raise InvalidSettings([f"kind: there is no {kind!r}. Choose from: {', '.join(DESTINATIONS)}."])
    own = {key: value for key, value in secrets.items() if not key.startswith("previous_")}
    found = setting_problems(known.settings, settings, own) or known.check(settings, secrets)
    if not name.strip():
        found = ["name: A name is required.", *found]
    elif Destination.objects.filter(name=name.strip()).exclude(pk=but or 0).exists():
        found = ["name: Another destination has this name.", *found]
    if calls_per_second is not None and not 0 < calls_per_second <= 10_000:
        found = [*found, "calls_per_second: must be above 0 and at most 10000."]
    if found:
        raise InvalidSettings(found)


def _record(
    row: Destination, verb: str, summary: str, *, by: str, via: str, before: Any = None, after: Any = None
) -> None:
    audit.record(
        actor=by,
        action=f"destination.{verb}",
        object_type="destination",
        object_id=row.pk,
        summary=summary,
        via=via,
        before=before,
        after=after,
    )
