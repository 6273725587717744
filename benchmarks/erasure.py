"""Erasing people with 10,000 events each out of a base of many: seconds from the request to the signed receipt.

Beside it, in the same run, the bare deletion of as many events of somebody else by one statement: what the database
alone needs. Afterwards everything that is kept is searched for each person's identifiers.
"""

import argparse
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from kit import past
from kit.report import Report
from kit.services import fresh_services

EVENTS_EACH = 10_000
_MANY_EVENTS = """
insert into events_event
    (identifier_id, occurred_at, received_at, source_id, type, name, message_id, properties, envelope)
select %(id)s, %(now)s - n * interval '8 minutes', %(now)s, 1, 'track', 'Product Viewed', 'many-' || %(id)s || '-' || n,
       jsonb_build_object('product', n), format('{"userId":"person-%%s"}', %(id)s)
from generate_series(1, %(n)s) n
"""
_FOUR_MORE = """
insert into identity_identifier (kind, value, component_id, profile_id, quarantine, first_seen_at)
select v.kind, v.value, %(id)s, %(id)s, '', %(now)s
from (values ('email', 'person-' || %(id)s || '@example.org'), ('phone', '+4930' || (1000000 + %(id)s)),
             ('anonymous_id', 'browser-' || %(id)s || '-a'), ('anonymous_id', 'browser-' || %(id)s || '-b'))
     as v (kind, value) returning id
"""
_BARE = "delete from events_event where identifier_id = %s"


def main() -> int:
    """Run and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--erased", type=int, default=20)
    chosen = parser.parse_args()
    report = Report("erasure")
    with fresh_services():
        _run(report, chosen.people, chosen.events, chosen.erased)
    return report.done()


def _run(report: Report, people: int, events: int, erased: int) -> None:
    from cdp.scanning import scan
    from common import pg
    from connectors import services as connectors
    from events import services as log
    from segments import services as segments

    now = datetime.now(UTC).replace(microsecond=0)
    with pg.connect(autocommit=True) as conn:
        past.make(conn, people=people, events=events, now=now)
        chosen = [row[0] for row in conn.execute("select id from identity_profile order by id limit %s", [erased * 2])]
        log.ensure_inbox(conn, now=now)
        conn.execute("select setval(pg_get_serial_sequence('identity_identifier', 'id'), %s)", [people])
        for one in chosen:
            conn.execute(_MANY_EVENTS, {"id": one, "now": now, "n": EVENTS_EACH})
            conn.execute(_FOUR_MORE, {"id": one, "now": now})
        conn.execute("analyze")
    made = segments.create_segment(
        name="Viewers", rule={"event": "Product Viewed", "count": {"is": "gte", "value": 5000}}, by="bench", now=now
    )
    drop = connectors.create_destination(kind="filedrop", name="Files", settings={}, by="bench", now=now)
    sync = connectors.create_sync(segment_id=made.id, destination_id=drop.id, name="Viewers", by="bench", now=now)
    while connectors.deliver_due(sync_id=sync.id, now=now).planned:
        pass
    bare, taken = [], []
    with pg.connect(autocommit=True) as conn:
        for one in chosen[:erased]:
            bare.append(_timed(lambda one=one: conn.execute(_BARE, [one])))
    for one in chosen[erased:]:
        taken.append(_timed(lambda one=one: _erase(one, sync.id, now)))
    worst = statistics.quantiles(taken, n=20)[-1]
    report.row(
        f"a person with {EVENTS_EACH:,} events, from the request to the receipt: p95", worst, "s", most=60,
        ratio=statistics.median(taken) / statistics.median(bare),
        reference=f"median {statistics.median(taken):.2f} s; the bare deletion of as many events "
        f"{statistics.median(bare):.2f} s",
    )  # fmt: skip
    values = [f"person-{one}@example.org" for one in chosen[erased:]]
    values += [f"browser-{one}-a" for one in chosen[erased:]]
    report.row("places that still hold one of them", len(scan(values)), "places", most=0)


def _erase(profile_id: int, sync_id: int, now: datetime) -> None:
    from cdp import erasing
    from connectors import services as connectors
    from privacy import selectors
    from privacy import services as privacy

    request = privacy.request_erasure(profile_id=profile_id, by="bench", now=now)
    erasing.run_erasures(now=now)
    connectors.deliver_due(sync_id=sync_id, now=now + timedelta(seconds=1))
    erasing.run_erasures(now=now + timedelta(seconds=2))
    found = selectors.erasure(request.id)
    if found is None or found.state != "done":
        raise RuntimeError(f"not done: {found}")


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
