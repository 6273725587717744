"""How the product is: the facts that `/readyz`, `/metrics` and `manage.py doctor` tell.

Each check answers with a sentence, and with a mend when it fails; none of them raises.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor

from cdp import rollcall
from events import selectors as events
from insights import selectors as insights

BEAT_KEY = "cdp:beat"
# Beat's heart beats every 15 s.
BEAT_LATE = 60.0
# The applier works within a second; an item that waits this long means that it does not, or falls behind.
OLDEST_LATE = 120.0


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    finding: str
    mend: str = ""

    def as_json(self) -> dict[str, object]:
        """For `--format json` and the probes."""
        return asdict(self)


def check_database(now: datetime) -> Check:
    """PostgreSQL answers."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("select current_setting('server_version'), pg_database_size(current_database())")
        version, size = cursor.fetchone()
    return Check("database", True, f"PostgreSQL {version}, {size // 2**20} MB")


def check_broker(now: datetime) -> Check:
    """Valkey or Redis answers."""
    info = _broker().info("memory")
    return Check("broker", True, f"answers, {int(info['used_memory']) // 2**20} MB used")


def check_beat(now: datetime) -> Check:
    """Beat sends, and a worker of the default queue takes."""
    age = beat_age(now)
    mend = "see logs/beat.log and logs/work.log in the data folder, or start `manage.py up`."
    if age is None:
        return Check("beat", False, "no heartbeat yet", mend)
    return Check("beat", age < BEAT_LATE, f"last heartbeat {age:.0f} s ago", "" if age < BEAT_LATE else mend)


def check_migrations(now: datetime) -> Check:
    """The tables are those of this code."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not waiting:
        return Check("migrations", True, "all applied")
    return Check("migrations", False, f"{len(waiting)} not applied", "run `python manage.py migrate`.")


def check_disk(now: datetime) -> Check:
    """Room in the data folder."""
    free = disk_free() // 2**20
    ok = free >= settings.READY_MIN_FREE_MB
    mend = "" if ok else "make room, or move the data folder to a larger disk."
    return Check("disk", ok, f"{free} MB free under {settings.DATA_FOLDER}", mend)


def check_lag(now: datetime) -> Check:
    """What is accepted is processed soon."""
    backlog = events.backlog()
    age = (now - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0.0
    ok = backlog.events <= settings.READY_MAX_LAG and age <= OLDEST_LATE
    mend = "" if ok else "see that the pipeline worker runs (logs/pipeline.log in the data folder)."
    events_wait = "1 event waits" if backlog.events == 1 else f"{backlog.events:,} events wait"
    told = f"{events_wait}, the oldest for {age:.0f} s" if backlog.events else "nothing waits"
    return Check("lag", ok, told, mend)


def check_documents(now: datetime) -> Check:
    """Nothing that was accepted waits unreadable."""
    count = events.unreadable_documents()
    mend = "" if not count else (
        "see that disk and memory of the database server are sound, have it sent once more, and discard it."
    )  # fmt: skip
    some = "1 document waits" if count == 1 else f"{count:,} documents wait"
    finding = f"{some} in the quarantine that cannot be read any more" if count else "all that was accepted can be read"
    return Check("documents", not count, finding, mend)


def check_kept_features(now: datetime) -> Check:
    """Kept features follow what comes."""
    upkeep = insights.upkeep()
    age = (now - upkeep.oldest_at).total_seconds() if upkeep.oldest_at else 0.0
    ok = age <= OLDEST_LATE
    mend = "" if ok else (
        "see that a worker of the queue insights runs (logs/work.log in the data folder) and that “Kept features” is"
        " not paused under Jobs, Schedules; after a large import it catches up by itself."
    )  # fmt: skip
    people = "1 person waits" if upkeep.waiting == 1 else f"{upkeep.waiting:,} people wait"
    return Check(
        "kept features", ok, f"{people}, the longest for {age:.0f} s" if upkeep.waiting else "nobody waits", mend
    )


def check_workers(now: datetime) -> Check:
    """The workers that were ever seen are there and know their tasks."""
    asked = rollcall.queues()
    heard = rollcall.heard(asked)
    for queue, said in heard.items():
        there = [one for one in said if now - one.at < rollcall.SILENT]
        empty = next((one for one in there if one.unknown), None)
        if empty is not None:
            finding = f"{empty.node} serves {queue} and does not know {', '.join(empty.unknown)}"
            return Check("workers", False, finding, "see in its log why cdp.tasks is not imported; start it again.")
        if said and not there:
            age = (now - max(one.at for one in said)).total_seconds()
            finding = f"no worker of {queue} for {age:.0f} s, last {', '.join(one.node for one in said)}"
            return Check("workers", False, finding, "see its log, and start it again (`manage.py up` does).")
    served = sum(1 for said in heard.values() if said)
    return Check("workers", True, f"{served} of {len(asked)} queues served" if served else "none seen yet")


# Whether this server can take what comes: it needs neither broker nor workers, so a proxy must not turn away from it
# because they are gone. That much waits is told by the lag.
READY: list[Callable[[datetime], Check]] = [check_database, check_disk, check_lag]
ALL: list[Callable[[datetime], Check]] = [
    check_database,
    check_broker,
    check_beat,
    check_workers,
    check_migrations,
    check_disk,
    check_lag,
    check_documents,
    check_kept_features,
]


def examine(looks: list[Callable[[datetime], Check]], *, now: datetime) -> list[Check]:
    """Look at each; a look that fails is a finding, not an error."""
    return [_look(look, now) for look in looks]


def _look(look: Callable[[datetime], Check], now: datetime) -> Check:
    try:
        return look(now)
    except (Error, redis.RedisError, OSError) as failure:
        name = look.__name__.removeprefix("check_")
        reason = (str(failure).strip().splitlines() or [type(failure).__name__])[0]
        return Check(name, False, reason, "see that it runs (`manage.py up`) and that its address is right.")


def beat_age(now: datetime) -> float | None:
    """Seconds since beat's last heartbeat reached a worker."""
    text = _broker().get(BEAT_KEY)
    if not text:
        return None
    return (now - datetime.fromisoformat(str(text))).total_seconds()


def disk_free() -> int:
    """Bytes free where the data is."""
    return shutil.disk_usage(settings.DATA_FOLDER if settings.DATA_FOLDER.exists() else "/").free


def _broker() -> "redis.Redis":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, decode_responses=True)
