"""Whether every reader sees the same members: pages, API, exports, the ledger, stored memberships and each channel."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from common import clock, jobs
from common.models import Job
from connectors import selectors as connectors
from connectors.contracts import SyncCounts
from segments import selectors as segments
from segments.contracts import SegmentCounts

KIND = "consistency"


@dataclass(frozen=True, slots=True)
class Audit:
    """One look at everything. `version` is that of the ledger at which the segments were counted."""

    version: int
    at: datetime
    segments: tuple[SegmentCounts, ...]
    syncs: tuple[SyncCounts, ...]

    @property
    def problems(self) -> list[str]:
        """What differs, each with what to do."""
        told = [
            f"Segment {one.slug}: pages {one.ui}, API {one.api}, export {one.export}, ledger {one.fold}, stored"
            f" memberships {one.bits}. Press Refresh on its page, which corrects it from the log."
            for one in self.segments
            if not one.agree
        ]
        told += [
            f"Sync {one.name}: at version {one.version} the channel lacks {one.missing} and has {one.extra} too many."
            " Run it: a full comparison sends what differs."
            for one in self.syncs
            if not one.agrees
        ]
        return told

    def as_json(self) -> dict[str, Any]:
        """For the command, the job and the page."""
        return {
            "version": self.version,
            "at": clock.iso(self.at),
            "problems": self.problems,
            "segments": [{**one._asdict(), "agree": one.agree} for one in self.segments],
            "syncs": [{**asdict(one), "agrees": one.agrees} for one in self.syncs],
        }


def audit(*, now: datetime) -> Audit:
    """Count everything, in every way."""
    version, counted = segments.segment_counts()
    return Audit(version, now, tuple(counted), tuple(connectors.sync_counts()))


def audit_and_keep(*, now: datetime, by: str = "") -> Audit:
    """The same, kept as a job that the page shows."""
    job = jobs.start(KIND, "Compare what every reader sees", by=by)
    try:
        found = audit(now=now)
    except Exception as failure:
        jobs.finish(job, error=f"{type(failure).__name__}: {failure}")
        raise
    problems = found.problems
    jobs.finish(job, counts=found.as_json(), error=f"{len(problems)} differences." if problems else "")
    return found


def latest() -> dict[str, Any] | None:
    """What the last look found; None before the first."""
    row = Job.objects.filter(kind=KIND, finished_at__isnull=False).order_by("-id").first()
    return row.counts if row is not None and row.counts else None
