"""Setting pulls up, steering them, and reading what is due."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from common import audit, clock, crypto, pg
from common.http import HttpProblem
from connectors.destinations.contracts import InvalidSettings
from connectors.destinations.errors import DeliveryError, RateLimited
from connectors.destinations.kit import setting_problems
from connectors.imports.contracts import BadMapping
from connectors.imports.mapping import read_mapping
from connectors.pulls.contracts import LEAST_MINUTES, MOST_MINUTES, NotPossible, Pulled, PullView
from connectors.pulls.models import Pull, PulledRow, PullRun
from connectors.pulls.outside import opened
from connectors.pulls.reading import Changed, ManyGone, Reader, Suppressed
from connectors.pulls.registry import ORIGINS
from connectors.pulls.secrets import hide, reveal
from connectors.pulls.selectors import view
from connectors.sources.selectors import source

# "pull" in ASCII; one worker at a time reads one pull.
_LOCK = 0x70756C6C
TURN_SECONDS = 20.0
# After a failure, and when the other side asked for a rest without saying how long.
_AGAIN = timedelta(minutes=1)
_RUNS_KEPT = 200


@transaction.atomic
def keep_pull(
    *, source_id: int, kind: str, settings: Mapping[str, Any], secrets: Mapping[str, str], every_minutes: int = 60,
    by: str, now: datetime, via: str = "ui",
) -> PullView:  # fmt: skip
    """Set up or change what is asked for rows; an empty secret leaves the one there is. Raises InvalidSettings.

    Another table, query, cursor or key is read from its beginning. Nothing is read before a mapping is kept.
    """
    row = Pull.objects.select_for_update().filter(source_id=source_id).first()
    hidden = checked(row, kind, settings, secrets)
    if not LEAST_MINUTES <= every_minutes <= MOST_MINUTES:
        raise InvalidSettings([f"every_minutes: choose between {LEAST_MINUTES} and {MOST_MINUTES}."])
    origin = ORIGINS[kind]
    elsewhere = row is not None and (
        row.kind != kind or any(row.settings.get(one) != settings.get(one) for one in origin.which)
    )
    if row is not None and elsewhere:
        _begin_anew(row)
        row.mapping = {}
    row = row or Pull(source_id=source_id, created_by=by, created_at=now)
    row.kind, row.settings, row.secrets, row.every_minutes = kind, dict(settings), hide(hidden), every_minutes
    row.version, row.problem, row.next_pull_at = row.version + 1, "", now
    row.save()
    _record(row, "kept", f"Set up the pull of {origin.name(settings)}", by=by, via=via, after=dict(settings))
    return view(row)


def checked(
    row: Pull | None, kind: str, settings: Mapping[str, Any], secrets: Mapping[str, str]
) -> dict[str, str]:  # fmt: skip
    """All secrets, those that were kept among them. Raises InvalidSettings with everything that is wrong."""
    origin = ORIGINS.get(kind)
    if origin is None:
        raise InvalidSettings([f"kind: choose one of {', '.join(ORIGINS)}."])
    kept = reveal(row) if row and row.kind == kind else {}
    hidden = {**kept, **{key: value for key, value in secrets.items() if value}}
    problems = setting_problems(origin.settings, settings, hidden)
    problems = problems or origin.problems(settings, hidden)
    if problems:
        raise InvalidSettings(problems)
    return hidden


@transaction.atomic
def keep_pull_mapping(
    *, source_id: int, mapping: Mapping[str, Any], header: list[str], by: str, now: datetime, via: str = "ui"
) -> PullView:
    """Keep what rows become, and read from now on. Rows that are in stay as they came. Raises BadMapping."""
    row = _locked(source_id)
    read_mapping(mapping, header)
    row.mapping, row.version, row.problem, row.next_pull_at = dict(mapping), row.version + 1, "", now
    row.save(update_fields=["mapping", "version", "problem", "next_pull_at"])
    _record(row, "mapped", "Kept what pulled rows become", by=by, via=via, after=row.mapping)
    return view(row)


@transaction.atomic
def switch_pull(*, source_id: int, enabled: bool, by: str, now: datetime, via: str = "ui") -> PullView:
    """Read on, or stop after the rows that are just being stored."""
    row = _locked(source_id)
    row.enabled, row.problem, row.next_pull_at = enabled, "", now
    row.save(update_fields=["enabled", "problem", "next_pull_at"])
    verb = "resumed" if enabled else "paused"
    _record(row, verb, f"The pull was {verb}", by=by, via=via)
    return view(row)


@transaction.atomic
def run_pull(
    *, source_id: int, accept_gone: bool = False, by: str, now: datetime, via: str = "ui"
) -> PullView:  # fmt: skip
    """Read now, not only at the next time; with `accept_gone`, tell of all rows that are gone by then, however many.

    Raises NotPossible.
    """
    row = _locked(source_id)
    if not row.mapping or not row.enabled:
        raise NotPossible("Say first what rows become." if not row.mapping else "Resume the pull first.")
    row.next_pull_at, row.accept_gone = now, row.accept_gone or accept_gone
    row.save(update_fields=["next_pull_at", "accept_gone"])
    told = "Asked for rows now" + (", and accepted that many are gone" if accept_gone else "")
    _record(row, "run", told, by=by, via=via)
    return view(row)


@transaction.atomic
def reset_pull(*, source_id: int, by: str, now: datetime, via: str = "ui") -> PullView:
    """Read everything again from the beginning. Rows that are the same as in the last days count once."""
    row = _locked(source_id)
    _begin_anew(row)
    row.version, row.problem, row.next_pull_at = row.version + 1, "", now
    row.save()
    _record(row, "reset", "The pull begins at the beginning", by=by, via=via)
    return view(row)


def _locked(source_id: int) -> Pull:
    row = Pull.objects.select_for_update().filter(source_id=source_id).first()
    if row is None:
        raise NotPossible("This source has no pull.")
    return row


def _begin_anew(row: Pull) -> None:
    row.place, row.caught_up_at = None, None
    PulledRow.objects.filter(pull=row).delete()
    _stop_run(row)


def _stop_run(row: Pull) -> None:
    PullRun.objects.filter(pull=row, finished_at=None).update(state=PullRun.State.STOPPED, finished_at=clock.now())


def _record(row: Pull, verb: str, summary: str, *, by: str, via: str, after: Any = None) -> None:
    audit.record(
        actor=by, via=via, action=f"pull.{verb}", object_type="source", object_id=row.source_id, summary=summary,
        after=after,
    )  # fmt: skip


def read_pulls(
    *, now: datetime, after: Callable[[], None] = lambda: None, suppressed: Suppressed, seconds: float = TURN_SECONDS
) -> dict[int, Pulled]:  # fmt: skip
    """A turn for every pull that is due and that nobody else reads just now; answers what came, by source.

    `after` is called whenever items are durable in the inbox; `suppressed` tells whom nothing may be kept of. A pull
    that cannot be read says why in its row, and is tried again.
    """
    found, ticker = {}, clock.Ticker(now)
    due = Pull.objects.filter(enabled=True, next_pull_at__lte=now).exclude(mapping={})
    for pull_id in due.order_by("next_pull_at", "pk").values_list("pk", flat=True):
        with closing(pg.connect(autocommit=True)) as conn:
            mine = pg.try_lock(conn, _LOCK, pull_id)
            row = due.filter(pk=pull_id).first() if mine else None
            kept_out = source(row.source_id) if row else None
            if row is not None and kept_out is not None and kept_out.enabled:
                found[row.source_id] = _turn(row, conn, ticker, after, suppressed, seconds=seconds)
    return found


def _turn(
    row: Pull, conn: Any, ticker: clock.Ticker, after: Callable[[], None], suppressed: Suppressed, *, seconds: float
) -> Pulled:
    begun = ticker()
    try:
        with opened(now=begun, account_id=row.pk, settings=row.settings, secrets=reveal(row)) as (outside, account):
            reader = Reader(row, ORIGINS[row.kind], account, outside, ticker, after, suppressed)
            did = reader.turn(conn, seconds=seconds)
    except Changed:
        return Pulled()
    except ManyGone as held:
        _settle(row, problem=str(held), next_pull_at=begun + timedelta(minutes=row.every_minutes))
        return Pulled(problem=str(held))
    except (DeliveryError, HttpProblem, BadMapping, crypto.CannotDecrypt) as error:
        wait = error.retry_after if isinstance(error, RateLimited) and error.retry_after else _AGAIN
        _settle(row, problem=str(error), next_pull_at=ticker() + wait)
        return Pulled(problem=str(error))
    if did.done:
        # The next time is counted from the beginning of the turn, so that pulls do not drift.
        _settle(row, problem="", caught_up_at=ticker(), next_pull_at=begun + timedelta(minutes=row.every_minutes))
        _trim_runs(row)
    return did


def _settle(row: Pull, *, next_pull_at: datetime, **changes: Any) -> None:
    """Keep how the turn went. Whoever asked for rows meanwhile gets them at once."""
    mine = Pull.objects.filter(pk=row.pk, version=row.version)
    mine.update(**changes)
    mine.filter(next_pull_at=row.next_pull_at).update(next_pull_at=next_pull_at)


def _trim_runs(row: Pull) -> None:
    old = PullRun.objects.filter(pull=row).order_by("-pk").values_list("pk", flat=True)[_RUNS_KEPT:]
    PullRun.objects.filter(pk__in=list(old)).delete()
