"""Kept features: what following costs beside the plain as-of statement over the same people, what noting costs the
applier, and how long from a POST until the trait, and the membership that follows it, can be read.

`python benchmarks/keeping.py [--people 50000] [--events 1000000] [--part upkeep|applier|freshness ...]`
"""

import argparse
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
from kit import load
from kit.latency import percentile
from kit.product import running_product
from kit.report import Report
from kit.rules import many
from kit.services import fresh_services, isolated
from kit.stream import Stream

PARTS = ("upkeep", "applier", "freshness")
_NAMES = (
    "recency_days", "frequency", "monetary", "orders_90d", "revenue_90d", "events_30d", "products", "average_order",
)  # fmt: skip
_PIECE, _PROBES = 2_000, 60
_BASE = (
    """insert into identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at)
    overriding system value select n, 'user_id', 'u' || n, n, n, '', now() from generate_series(1, %(people)s) n""",
    """insert into identity_profile (id, traits, created_at, updated_at)
    select n, '{}', now(), now() from generate_series(1, %(people)s) n""",
    """insert into events_event
    select 1 + (hashint8(n) & 2147483647) %% %(people)s, at, at, 1, 'track',
           case when n %% 3 = 0 then 'Order Completed' else 'Page Viewed' end, 'm' || n,
           case when n %% 3 = 0 then jsonb_build_object('order_id', 'o' || n, 'revenue', (n %% 9000)::numeric / 100,
                'product_id', 'p' || n %% 500) else jsonb_build_object('path', '/p' || n %% 50) end, '{}'
    from generate_series(1, %(events)s) n, lateral (select now() - n * interval '1 year' / %(events)s as at) t""",
    "analyze identity_identifier",
    "analyze identity_profile",
    "analyze events_event",
)
_HAPPENS = """
insert into events_event
select n, now(), now(), 1, 'track', 'Order Completed', 'k' || n,
       jsonb_build_object('order_id', 'k' || n, 'revenue', 5, 'product_id', 'p' || n %% 9), '{}'
from generate_series(1, %(people)s) n
"""


def bench_upkeep(report: Report, people: int, events: int) -> None:
    """Everybody once, then a third of them of whom an order came, beside the statement that only computes them."""
    plain, whole, again, followed = isolated(_upkeep, people, events)
    for name, cost, beside in (
        ("everybody, for the first time", whole, plain["everybody"]),
        ("everybody, when nothing changed", again, plain["everybody"]),
        ("people of whom an order came", followed, plain["changed"]),
    ):
        reference = f"as-of statement alone {beside.rate:.0f} people/s, {beside.micros:.0f} µs of processor time each"
        report.row(f"kept up: {name}", cost.rate, "people/s", reference=reference, ratio=cost.wall / beside.wall)
        report.row(f"processor time: {name}", cost.micros, "µs each", reference=reference,
                   ratio=cost.micros / beside.micros)  # fmt: skip


def _upkeep(people: int, events: int) -> tuple[dict[str, load.Cost], load.Cost, load.Cost, load.Cost]:
    with fresh_services():
        from django.db import connection

        from common import clock, pg
        from insights import services
        from insights.models import KeptFeature

        with connection.cursor() as cursor:
            cursor.execute("create table events_event_of_all_times partition of events_event default")
            for statement in _BASE:
                cursor.execute(statement, {"people": people, "events": events})
        changed = people // 3
        _compute(_PIECE)
        plain = {"everybody": load.measure(lambda: _compute(people))}
        for name in _NAMES:
            services.keep_feature(name=name, by="benchmark", now=clock.now())
        whole = load.measure(lambda: _keep_up(people))
        KeptFeature.objects.update(position=0, begun_at=clock.now(), counted=0)
        again = load.measure(lambda: _keep_up(people))
        with connection.cursor() as cursor:
            cursor.execute(_HAPPENS, {"people": changed})
        services.note_touched(pg.raw(), identifier_ids=range(1, changed + 1), now=clock.now())
        plain["changed"] = load.measure(lambda: _compute(changed))
        followed = load.measure(lambda: _keep_up(changed))
        _expect_equal(changed)
    return plain, whole, again, followed


def _compute(people: int) -> int:
    """The as-of statement alone, in the pieces in which features are kept up."""
    from common import clock
    from insights import selectors

    for start in range(1, people + 1, _PIECE):
        ids = list(range(start, min(start + _PIECE, people + 1)))
        selectors.features_of(_NAMES, as_of=clock.now(), profiles=ids)
    return people


def _keep_up(people: int) -> int:
    from cdp.pipeline.follow import follow_moves
    from common import clock
    from insights import selectors, services

    while selectors.upkeep().waiting or any(one.filling for one in selectors.kept_features()):
        services.keep_up(clock_now=clock.now, after=follow_moves)
    return people


def _expect_equal(people: int) -> None:
    from common import clock, pg
    from insights import selectors

    ids = list(range(1, people + 1))
    wanted = selectors.features_of(["frequency"], as_of=clock.now(), profiles=ids).columns["frequency"].tolist()
    query = "select (traits ->> 'feature_frequency')::float8 from identity_profile where id = any(%s) order by id"
    found = [row[0] for row in pg.raw().execute(query, [ids]).fetchall()]
    if found != wanted:
        raise SystemExit("a trait is not what the feature is")


def bench_applier(report: Report, events: int) -> None:
    """The same backlog with and without features that are kept, chunk beside chunk."""
    bare, kept = isolated(_applier, events)
    report.row("apply with kept features", kept.micros, "µs of processor time an event",
               reference=f"without {bare.micros:.1f} µs", ratio=kept.micros / bare.micros)  # fmt: skip


def _applier(events: int) -> tuple[load.Cost, load.Cost]:
    with fresh_services():
        from cdp.pipeline.run import Applier
        from common import clock, pg
        from insights import services
        from insights.models import KeptFeature, Touched

        bare, kept = load.Cost(), load.Cost()
        with pg.connect(autocommit=True) as conn:
            load.publish(many(10))
            applier, stream = Applier(), Stream(start=load.start_of_stream(120))
            load.apply_stream(conn, applier, stream, load.CHUNK)
            for place in range(max(2, events // load.CHUNK)):
                if place % 2:
                    for name in _NAMES:
                        services.keep_feature(name=name, by="benchmark", now=clock.now())
                    kept += load.apply_stream(conn, applier, stream, load.CHUNK)[0]
                else:
                    KeptFeature.objects.all().delete()
                    Touched.objects.all().delete()
                    bare += load.apply_stream(conn, applier, stream, load.CHUNK)[0]
            applier.close()
    return bare, kept


def bench_freshness(report: Report) -> None:
    """From the POST to the trait and to the row of the ledger, with HTTP, Celery and its clock in the loop."""
    traits, memberships = isolated(_freshness)
    for name, seen in (("trait", traits), ("membership", memberships)):
        reference = f"median {percentile(seen, 50):.2f} s of {len(seen)}"
        report.row(f"POST to {name}: p95", percentile(seen, 95), "s", reference=reference, most=10)


_SEEN = """
select i.value, p.traits ? 'feature_frequency' and (p.traits -> 'feature_frequency')::int > 0,
       exists (select from segments_change c join segments_segment s on s.id = c.segment_id and s.slug = 'buyers'
               where c.profile_id = p.id and c.entered)
from identity_identifier i join identity_profile p on p.id = i.profile_id where i.value = any(%s)
"""


def _freshness() -> tuple[list[float], list[float]]:
    with running_product() as product:
        from common import clock, pg
        from insights import services

        for name in _NAMES:
            services.keep_feature(name=name, by="benchmark", now=clock.now())
        load.publish([("Buyers", {"trait": "feature_frequency", "is": "gte", "value": 1})])
        sent: dict[str, float] = {}
        traits: dict[str, float] = {}
        members: dict[str, float] = {}
        with (
            httpx.Client(base_url=product.url, auth=(product.write_key, ""), timeout=30) as client,
            pg.connect(autocommit=True) as conn,
        ):
            while len(members) < _PROBES:
                if len(sent) < _PROBES and (not sent or time.monotonic() - max(sent.values()) > 0.7):
                    probe = f"probe-{uuid.uuid4()}"
                    sent[probe] = time.monotonic()
                    client.post("/v1/batch", json={"batch": [_order(probe)]}).raise_for_status()
                for value, trait, member in conn.execute(_SEEN, [list(sent)]).fetchall():
                    if trait:
                        traits.setdefault(value, time.monotonic())
                    if member:
                        members.setdefault(value, time.monotonic())
                time.sleep(0.01)
    return tuple([seen[probe] - at for probe, at in sent.items()] for seen in (traits, members))  # type: ignore[return-value]


def _order(user: str) -> dict[str, Any]:
    return {
        "type": "track", "event": "Order Completed", "userId": user, "messageId": str(uuid.uuid4()),
        "timestamp": datetime.now(UTC).isoformat(), "properties": {"order_id": user, "revenue": 4.2},
    }  # fmt: skip


def main() -> int:
    """Run the chosen parts and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--part", choices=PARTS, action="append")
    chosen = parser.parse_args()
    report = Report("keeping")
    for part in chosen.part or PARTS:
        if part == "upkeep":
            bench_upkeep(report, chosen.people, chosen.events)
        elif part == "applier":
            bench_applier(report, chosen.events)
        else:
            bench_freshness(report)
    return report.done()


if __name__ == "__main__":
    sys.exit(main())
