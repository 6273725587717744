"""Setting watched places up, and looking at them."""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from common import audit, crypto, pg
from common.http import AllowList, Http, HttpProblem
from common.outside import outside_settings
from connectors.destinations.contracts import InvalidSettings
from connectors.destinations.errors import DeliveryError
from connectors.destinations.kit import Account, Outside, setting_problems
from connectors.imports import services as imports
from connectors.imports.contracts import BadMapping, UnreadableFile
from connectors.watching.models import Watch, WatchedFile
from connectors.watching.places import PLACES, Found

log = logging.getLogger(__name__)

# "watc" in ASCII; one worker at a time looks at one place.
_LOCK = 0x77617463
# A file that was just written may still be growing.
_SETTLED = timedelta(seconds=30)
LEAST_MINUTES, MOST_MINUTES = 1, 7 * 24 * 60
_NO_MAPPING = "Its columns were never mapped: open it and take its rows in once; the next one comes in by itself."


@dataclass(frozen=True, slots=True)
class TakenView:
    """One file that was seen: the import it became, or why it did not."""

    name: str
    at: datetime
    import_id: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class WatchView:
    """A watched place as pages show it."""

    place: str
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    every_minutes: int
    enabled: bool
    last_looked_at: datetime | None
    next_look_at: datetime
    problem: str
    files: Sequence[TakenView]


@transaction.atomic
def keep_watch(
    *, source_id: int, place: str, settings: Mapping[str, Any], secrets: Mapping[str, str], every_minutes: int, by: str,
    now: datetime,
) -> WatchView:  # fmt: skip
    """Set up or change the place of a source; an empty secret leaves the one there is. Raises InvalidSettings."""
    known = PLACES.get(place)
    row = Watch.objects.select_for_update().filter(source_id=source_id).first()
    hidden = {**(_reveal(row) if row and row.place == place else {}), **{k: v for k, v in secrets.items() if v}}
    if known is None:
        raise InvalidSettings([f"place: choose one of {', '.join(PLACES)}."])
    problems = [*setting_problems(known.settings, settings, hidden), *known.problems(settings, hidden)]
    if not LEAST_MINUTES <= every_minutes <= MOST_MINUTES:
        problems.append(f"every_minutes: choose between {LEAST_MINUTES} and {MOST_MINUTES}.")
    if problems:
        raise InvalidSettings(problems)
    row = row or Watch(source_id=source_id, created_by=by, created_at=now)
    row.place, row.settings, row.every_minutes = place, dict(settings), every_minutes
    row.secrets, row.next_look_at, row.problem = crypto.encrypt(json.dumps(hidden)) if hidden else "", now, ""
    row.save()
    audit.record(
        actor=by, action="watch.kept", object_type="source", object_id=source_id, at=now,
        summary=f"Watches a place: {known.label}", after={"place": place, **settings},
    )  # fmt: skip
    return _view(row)


@transaction.atomic
def switch_watch(*, source_id: int, enabled: bool, by: str, now: datetime) -> WatchView:
    """Look there, or stop."""
    row = Watch.objects.select_for_update().get(source_id=source_id)
    row.enabled, row.next_look_at, row.problem = enabled, now, ""
    row.save(update_fields=["enabled", "next_look_at", "problem"])
    verb = "resumed" if enabled else "paused"
    audit.record(
        actor=by, action=f"watch.{verb}", object_type="source", object_id=source_id, summary=f"Watching {verb}"
    )
    return _view(row)


def watch(source_id: int) -> WatchView | None:
    """The watched place of a source, or None."""
    row = Watch.objects.filter(source_id=source_id).first()
    return _view(row) if row else None


def look_at_places(*, now: datetime) -> int:
    """Look at every place that is due; answers how many files were taken."""
    taken = 0
    for row in Watch.objects.filter(enabled=True, next_look_at__lte=now).order_by("pk"):
        with closing(pg.connect(autocommit=True)) as conn:
            if pg.try_lock(conn, _LOCK, row.pk):
                taken += _look(row, now=now)
    return taken


def _look(row: Watch, *, now: datetime) -> int:
    permitted = outside_settings()
    taken, problem, next_look = 0, "", now + timedelta(minutes=row.every_minutes)
    try:
        with Http(allow=AllowList.of(permitted.allow)) as http:
            outside = Outside(
                http=http, drop_folder=permitted.drop_folder, watch_folder=permitted.watch_folder, now=now
            )  # fmt: skip
            account = Account(id=row.pk, settings=row.settings, secrets=_reveal(row))
            known = set(WatchedFile.objects.filter(watch=row).values_list("name", "mark"))
            for found in PLACES[row.place].look(outside, account):
                if (found.name, found.mark) in known:
                    continue
                if found.changed_at is not None and found.changed_at > (now - _SETTLED).timestamp():
                    next_look = min(next_look, now + _SETTLED)
                    continue
                taken += _take(row, outside, account, found, now=now)
    except (DeliveryError, HttpProblem, crypto.CannotDecrypt) as error:
        problem = str(error)
    Watch.objects.filter(pk=row.pk).update(problem=problem, last_looked_at=now, next_look_at=next_look)
    return taken


def _take(row: Watch, outside: Outside, account: Account, found: Found, *, now: datetime) -> bool:
    """Keep the file, and have its rows taken in when a file with the same header was mapped before."""
    import_id, problem = None, ""
    by = f"watch of source {row.source_id}"
    try:
        draft = imports.take_file(
            source_id=row.source_id, name=found.name, chunks=PLACES[row.place].read(outside, account, found), by=by,
            now=now,
        )  # fmt: skip
        import_id = draft.id
    except UnreadableFile as wrong:
        problem = str(wrong)
    # The run and the note that the file was seen are kept together: a worker killed between them would take it twice.
    with transaction.atomic():
        if import_id is not None:
            problem = _start(import_id, by=by, now=now)
        WatchedFile.objects.create(
            watch=row, name=found.name[:500], mark=found.mark[:200], import_id=import_id, problem=problem, at=now
        )
    return import_id is not None


def _start(import_id: int, *, by: str, now: datetime) -> str:
    """Have the rows taken in; answers what keeps them out."""
    mapping = imports.known_mapping(import_id)
    if mapping is None:
        return _NO_MAPPING
    try:
        imports.request_run(import_id=import_id, mapping=mapping, dry=False, by=by, now=now)
    except BadMapping as wrong:
        return str(wrong)
    return ""


def _reveal(row: Watch) -> dict[str, str]:
    found: dict[str, str] = json.loads(crypto.decrypt(row.secrets)) if row.secrets else {}
    return found


def _view(row: Watch) -> WatchView:
    try:
        names = tuple(_reveal(row))
    except crypto.CannotDecrypt:
        names = ()
    files = [TakenView(one.name, one.at, one.import_id, one.problem) for one in row.files.order_by("-pk")[:50]]
    return WatchView(
        place=row.place, settings=row.settings, secrets_set=names, every_minutes=row.every_minutes,
        enabled=row.enabled, last_looked_at=row.last_looked_at, next_look_at=row.next_look_at, problem=row.problem,
        files=files,
    )  # fmt: skip
