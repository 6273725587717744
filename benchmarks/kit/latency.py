"""How long from a POST until the membership that it causes can be read: the whole product runs, Celery included."""

import random
import threading
import time
import uuid
from typing import Any

import httpx

from kit.product import running_product

_WARM_SECONDS = 4.0
_EVENTS = 10
_POLL = 0.002
_SENDERS = 4


def percentile(values: list[float], percent: int) -> float:
    """The nearest-rank percentile; infinite when nothing was seen."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("inf")


def measure(rate: int, seconds: int, segments: int = 10) -> list[float]:
    """Milliseconds of each probe, with requests of ten events at Poisson arrivals; the first seconds are left out."""
    with running_product() as product:
        from common import pg
        from kit.load import publish
        from kit.rules import many

        publish(
            [
                *many(segments),
                ("Probe", {"event": "Probe", "count": {"is": "gte", "value": 1}, "within": None, "where": []}),
            ]
        )
        sent: dict[str, float] = {}
        seen: dict[str, float] = {}
        stop = threading.Event()
        with pg.connect(autocommit=True) as conn:
            watcher = threading.Thread(target=_watch, args=(conn, seen, stop))
            watcher.start()
            _send(product.url, product.write_key, sent, rate=rate, seconds=seconds)
            time.sleep(3)
            stop.set()
            watcher.join()
    began = min(sent.values())
    missing = [probe for probe in sent if probe not in seen]
    if missing:
        raise SystemExit(f"{len(missing)} of {len(sent)} probes never became visible")
    return [(seen[probe] - at) * 1000 for probe, at in sent.items() if at - began > _WARM_SECONDS]


def measure_time(people: int) -> list[float]:
    """Seconds after its minute has come at which each of `people` entered by the passing of time alone."""
    with running_product() as product:
        from common import pg
        from kit.load import publish

        publish([("Waiting", {"absent": "Answer", "after": "Question", "for": {"minutes": 1}})])
        with httpx.Client(base_url=product.url, auth=(product.write_key, ""), timeout=30) as client:
            for n in range(people):
                client.post("/v1/batch", json={"batch": [_event(f"waiting-{n}", "Question")]}).raise_for_status()
                time.sleep(60 / people)
        time.sleep(125)
        with pg.connect(autocommit=True) as conn:
            rows = conn.execute(_LATE).fetchall()
    if len(rows) != people:
        raise SystemExit(f"{len(rows)} of {people} entered")
    return [float(late) for (late,) in rows]


# Two minutes after the minute of the question; `at` is the instant of the evaluation, the row is there with its commit.
_LATE = """
select extract(epoch from c.at) - (floor(extract(epoch from e.occurred_at) / 60) + 2) * 60
from segments_change c join identity_identifier i on i.profile_id = c.profile_id
join events_event e on e.identifier_id = i.id where c.reason = 'time' and c.entered
"""


def _send(url: str, key: str, sent: dict[str, float], *, rate: int, seconds: int) -> None:
    requests = rate / _EVENTS
    deadline = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_sender, args=(url, key, sent, requests / _SENDERS, deadline, n))
        for n in range(_SENDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _sender(url: str, key: str, sent: dict[str, float], requests: float, deadline: float, seed: int) -> None:
    rolls = random.Random(seed)
    due = time.monotonic()
    with httpx.Client(base_url=url, auth=(key, ""), timeout=30) as client:
        while due < deadline:
            due += rolls.expovariate(requests)
            time.sleep(max(0.0, due - time.monotonic()))
            probe = f"probe-{uuid.uuid4()}"
            batch = [_event(f"device-{rolls.randrange(20_000)}", "Product Viewed") for _ in range(_EVENTS - 1)]
            sent[probe] = time.monotonic()
            client.post("/v1/batch", json={"batch": [*batch, _event(probe, "Probe")]}).raise_for_status()


def _event(anonymous_id: str, name: str) -> dict[str, Any]:
    return {
        "type": "track", "event": name, "anonymousId": anonymous_id, "messageId": str(uuid.uuid4()),
        "properties": {"category": "dairy", "revenue": 4.2},
    }  # fmt: skip


def _watch(conn: Any, seen: dict[str, float], stop: threading.Event) -> None:
    query = """
    select c.seq, i.value from segments_change c
    join segments_segment s on s.id = c.segment_id and s.slug = 'probe'
    join identity_identifier i on i.profile_id = c.profile_id
    where c.seq > %s and c.entered order by c.seq
    """
    last = 0
    while not stop.is_set():
        rows = conn.execute(query, [last]).fetchall()
        moment = time.monotonic()
        for seq, value in rows:
            last = max(last, seq)
            seen.setdefault(value, moment)
        time.sleep(_POLL)
