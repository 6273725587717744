"""The events of one person by day, with a filter by name and pages by time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from cdp.web.pages import PageRequest
from common import clock
from events import selectors as log
from events.contracts import EventView

SIZE = 50
_BEYOND = timedelta(days=366 * 30)  # clocks that run ahead: their events are shown too


def of(request: PageRequest, identifier_ids: Sequence[int]) -> dict[str, Any]:
    """Context of the timeline."""
    name = request.GET.get("name", "").strip()
    before = _moment(request) or request.now + _BEYOND
    names = [name] if name else None
    found = log.timeline(identifier_ids=identifier_ids, before=before, limit=SIZE + 1, names=names)
    shown = found[:SIZE]
    return {
        "days": [(day, list(events)) for day, events in groupby(shown, key=_day)],
        "older": clock.iso(shown[-1].occurred_at) if len(found) > SIZE else "",
        "name": name,
        "event_names": sorted({event.name for event in found}),
    }


def _day(event: EventView) -> Any:
    return timezone.localtime(event.occurred_at).date()


def _moment(request: HttpRequest) -> datetime | None:
    try:
        return datetime.fromisoformat(request.GET.get("before", "").replace("Z", "+00:00")).astimezone()
    except ValueError:
        return None
