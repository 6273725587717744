"""Insights end to end: Online Retail II taken in as a file, resolved into profiles, made into features, scored and
grouped; features beside one statement written by hand; and the fitting of many customers.

`python benchmarks/insights.py --data FOLDER` with `online_retail_ii_2009_2010.csv.xz` in it (UCI, CC BY 4.0).
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kit.lifetimes import report_lifetimes, report_many_lifetimes
from kit.predictions import report_predictions
from kit.report import Report
from kit.retail import take_in_retail
from kit.services import fresh_services, isolated

_AS_OF = datetime(2010, 12, 10, tzinfo=UTC)
# The same features by hand: lines of orders alone, as somebody who knows this file would write it.
_BY_HAND = """
select profile_id, date %(day)s - max(at)::date, count(*) filter (where worth > 0), sum(worth)
from (select m.profile_id, e.properties ->> 'order_id' as order_id, min(e.occurred_at) as at,
             sum((e.properties ->> 'quantity')::numeric * (e.properties ->> 'price')::numeric) as worth
      from events_event e join identity_member m on m.identifier_id = e.identifier_id
      where e.name = 'Order Completed' and e.occurred_at < %(as_of)s group by 1, 2) o
where worth > 0 group by profile_id order by profile_id
"""


_GENERATED = (
    """insert into identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at)
    overriding system value select n, 'user_id', 'u' || n, n, n, '', now() from generate_series(1, %(people)s) n""",
    """insert into identity_profile (id, traits, created_at, updated_at)
    select n, '{}', now(), now() from generate_series(1, %(people)s) n""",
    """insert into events_event
    select 1 + (hashint8(n) & 2147483647) %% %(people)s, at, at, 1, 'track',
           case when n %% 3 = 0 then 'Order Completed' else 'Page Viewed' end, 'm' || n,
           case when n %% 3 = 0 then jsonb_build_object('order_id', 'o' || n / 6, 'quantity', 1 + n %% 5,
                'price', (n %% 9000)::numeric / 100) else jsonb_build_object('path', '/p' || n %% 50) end, '{}'
    from generate_series(1, %(events)s) n,
         lateral (select timestamptz '2010-12-09 12:00Z' - n * interval '1 year' / %(events)s as at) t""",
    "analyze identity_identifier",
    "analyze identity_profile",
    "analyze events_event",
)


def _retail(folder: str) -> dict[str, Any]:
    with fresh_services():
        from cdp.pipeline.follow import follow_moves
        from common import clock
        from insights import selectors, services
        from insights.contracts import OrderSetting
        from insights.features.reading import features_of
        from insights.models import Run

        took: dict[str, float] = {}
        source, good = _timed(took, "import", lambda: take_in_retail(Path(folder)))
        told = {
            "amount": ["price"], "quantity": "quantity", "lines": True, "cancel_event": "", "refund_event": "",
            "currency": "", "history_sources": [source],
        }  # fmt: skip
        clean = OrderSetting.from_json(told)
        names = ("recency_days", "frequency", "monetary")
        _by_hand()
        features_of(names, as_of=_AS_OF, buyers=True, orders=clean)
        hand = _timed(took, "by hand", _by_hand)
        table = _timed(took, "features", lambda: features_of(names, as_of=_AS_OF, buyers=True, orders=clean))
        rows = table.numbers(names)
        found: dict[str, Any] = {
            "good": good, "customers": len(table),
            "orders": float(rows[:, 1].sum()), "revenue": float(rows[:, 2].sum()),
            "same": float(abs(sum(float(one[3]) for one in hand) - rows[:, 2].sum())), "trials": _trials(rows),
        }  # fmt: skip
        # The whole of it by the product's own runs, net of what was returned.
        services.keep_setting({**told, "refund_event": "Line Returned"}, by="bench", now=clock.now())
        services.request_run(kind="rfm", by="bench", now=clock.now(), as_of=_AS_OF)
        for scaling in ("zscore", "minmax"):
            services.keep_clustering(
                slug=scaling, name=scaling, spec={"groups": 4, "scaling": scaling}, by="bench", now=clock.now()
            )
            services.request_run(kind="clusters", slug=scaling, by="bench", now=clock.now(), as_of=_AS_OF)
        _timed(took, "runs", lambda: services.run_waiting(now=clock.now(), after=follow_moves))
        rfm = selectors.rfm()
        found["net"] = {
            one.slug: one.model.figures["trials"][0] if one.model else None for one in selectors.clusterings()
        }
        found["errors"] = [one.error for one in Run.objects.all() if one.error]
        found["champions"] = next((one.people for one in rfm.segments if one.name == "Champions"), 0) if rfm else 0
        return {**found, "took": took}


def _generated(people: int, events: int) -> dict[str, float]:
    """Features of so many people over so many events, a third of them orders, beside the statement by hand."""
    with fresh_services():
        import psycopg
        from django.db import connection

        from common import pg
        from insights.contracts import OrderSetting
        from insights.features.reading import features_of

        orders = OrderSetting(amount=("price",), quantity="quantity", lines=True, currency="")
        names = ("recency_days", "frequency", "monetary")
        with connection.cursor() as cursor:
            cursor.execute("create table events_event_of_all_times partition of events_event default")
            for statement in _GENERATED:
                cursor.execute(statement, {"people": people, "events": events})
        took: dict[str, float] = {}
        _by_hand()
        _timed(took, "by hand", _by_hand)
        _timed(took, "three", lambda: features_of(names, as_of=_AS_OF, buyers=True, orders=orders))
        every = (*names, "orders_90d", "revenue_90d", "revenue_trend", "days_between_orders", "events_30d")
        _timed(took, "eight", lambda: features_of(every, as_of=_AS_OF, orders=orders))
        took |= _by_duckdb(orders, every)
        with psycopg.Cursor(pg.raw()) as plain:
            row = plain.execute("select count(*) from events_event").fetchone()
        return {**took, "events": float(row[0]) if row else 0.0}


def _by_duckdb(orders: Any, names: tuple[str, ...]) -> dict[str, float]:
    """The log as Parquet, features of it, and whether they are those of the database."""
    import tempfile

    import numpy as np
    import pyarrow.parquet as pq

    from common import clock
    from insights import services
    from insights.features.reading import features_of

    took: dict[str, float] = {}
    services.keep_setting(orders.to_json(), by="bench", now=clock.now())
    with tempfile.TemporaryDirectory(prefix="cdp-bench-") as scratch:
        log, out = Path(scratch) / "log", Path(scratch) / "features.parquet"
        _timed(took, "export", lambda: services.export_log(log, names=names, by="bench", now=clock.now()))
        _timed(
            took, "duckdb", lambda: services.features_of_log(log, out, engine="duckdb", names=names, as_of=_AS_OF)
        )  # fmt: skip
        took["log size"] = sum(one.stat().st_size for one in log.rglob("*.parquet")) / 1e6
        found = pq.read_table(out, columns=["profile_id", *names])
        table = features_of(names, as_of=_AS_OF, orders=orders)
        same = np.array_equal(found.column("profile_id").to_numpy(), table.profile_ids) and all(
            np.allclose(found.column(name).to_numpy(), table.columns[name], rtol=1e-12, atol=0, equal_nan=True)
            for name in names
        )
    return {**took, "equal": float(same)}


def _by_hand() -> list[tuple[Any, ...]]:
    import psycopg

    from common import pg

    with psycopg.ClientCursor(pg.raw()) as cursor:
        return cursor.execute(_BY_HAND, {"as_of": _AS_OF, "day": _AS_OF.date().isoformat()}).fetchall()


def _trials(rows: Any) -> dict[str, list[dict[str, Any]]]:
    from insights.clusters import fitting, scaling
    from insights.clusters.contracts import ClusteringSpec

    found = {}
    for method in ("zscore", "minmax"):
        made, _ = scaling.learn(rows, features=("r", "f", "m"), skewed=[True] * 3, method=method)
        found[method] = [
            fitting.told(fitting.fit(made(rows), ClusteringSpec(groups=count, scaling=method))[1])[0]
            for count in (2, 3, 4, 5)
        ]
    return found


def _many(size: int) -> dict[str, float]:
    """Fitting and matching of so many customers, drawn from the kinds that the file has."""
    import numpy as np

    from insights.clusters import fitting, matching, scaling
    from insights.clusters.contracts import ClusteringSpec
    from insights.contracts import NotPossible

    rng = np.random.default_rng(5)
    kind = rng.integers(0, 4, size)
    rows = np.exp(
        np.column_stack(
            [
                np.array([2.0, 5.0, 3.5, 5.5])[kind] + rng.normal(0, 0.5, size),
                np.array([2.3, 1.2, 0.8, 0.1])[kind] + rng.normal(0, 0.4, size),
                np.array([7.5, 6.8, 5.9, 5.3])[kind] + rng.normal(0, 0.6, size),
            ]
        )
    )
    took: dict[str, float] = {}
    for method in ("kmeans", "ward", "dbscan"):
        began = time.perf_counter()
        made, _ = scaling.learn(rows, features=("r", "f", "m"), skewed=[True] * 3, method="zscore")
        spec = ClusteringSpec(method=method, least=3, most=6)
        try:
            grouping, _ = fitting.fit(made(rows), spec)
            count = int(grouping.groups.max()) + 1
            matching.match(grouping(made(rows)), [None] * size, count=count, next_id=1)
        except NotPossible as told:
            print(f"{method}: {told}", file=sys.stderr)
        took[method] = time.perf_counter() - began
    took["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return took


def _timed(took: dict[str, float], name: str, act: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    value = act()
    took[name] = time.perf_counter() - began
    return value


def _report_retail(report: Report, found: dict[str, Any]) -> None:
    took = found["took"]
    report.row("rows that came in", found["good"], "rows")
    report.row("customers with an order", found["customers"], "people", least=4312, most=4312)
    report.row("orders", found["orders"], "orders", least=19213, most=19213)
    report.row("revenue", found["revenue"], "GBP", least=8798233.735, most=8798233.745)
    report.row("revenue, beside the statement by hand", found["same"], "GBP", most=0.005)
    report.row(
        "recency, frequency and monetary value of everybody", took["features"], "s", most=3 * took["by hand"],
        ratio=took["features"] / took["by hand"], reference=f"one statement by hand {took['by hand']:.2f} s",
    )  # fmt: skip
    for scaling, bar in (("zscore", 0.32), ("minmax", 0.35)):
        for one in found["trials"][scaling]:
            name = f"K-Means, {scaling}, {one['groups']} groups: "
            four = one["groups"] == 4
            report.row(f"{name}silhouette", one["silhouette"], "", least=bar if four else None)
            report.row(f"{name}smallest group", one["least_share"], "of all", least=0.02 if four else None)
            report.row(f"{name}stability (ARI)", one["stability"], "")
        net = found["net"][scaling]
        report.row(f"K-Means, {scaling}, 4 groups, net of returns, by a run: silhouette", net["silhouette"], "")
    report.row("file to profiles", took["import"], "s")
    report.row("RFM and two groupings, traits written", took["runs"], "s")
    report.row("champions", found["champions"], "people")
    for told in found["errors"]:
        report.row(f"a run failed: {told}", 1, "", most=0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="the folder with the file; without it that part is left out")
    parser.add_argument("--part", choices=["all", "base", "lifetime", "predictions", "scale"], default="all")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--customers", type=int, default=200_000)
    options = parser.parse_args()
    report = Report("insights")
    if options.data and options.part in ("all", "predictions"):
        report_predictions(report, options.data)
    if options.part in ("all", "lifetime"):
        report_lifetimes(report, options.data)
        report_many_lifetimes(report, _GENERATED, options.people, options.events, _AS_OF)
    if options.part in ("lifetime", "predictions"):
        return report.done()
    if options.data and options.part != "scale":
        _report_retail(report, isolated(_retail, options.data))
    scale = isolated(_generated, options.people, options.events)
    for what, key in (("recency, frequency and monetary value", "three"), ("eight features", "eight")):
        report.row(
            f"{what} of {options.people:,} people over {scale['events']:,.0f} events", scale[key], "s",
            most=3 * scale["by hand"] if key == "three" else None, ratio=scale[key] / scale["by hand"],
            reference=f"recency, frequency and monetary value by hand {scale['by hand']:.2f} s",
        )  # fmt: skip
    report.row("the log as Parquet", scale["export"], "s", reference=f"{scale['log size']:.0f} MB")
    report.row(
        "eight features of that log by DuckDB", scale["duckdb"], "s", ratio=scale["duckdb"] / scale["eight"],
        reference=f"by PostgreSQL {scale['eight']:.2f} s",
    )  # fmt: skip
    report.row("the same features as PostgreSQL's", scale["equal"], "", least=1)
    if options.part == "scale":
        return report.done()
    many = isolated(_many, options.customers)
    for method in ("kmeans", "ward", "dbscan"):
        report.row(f"{method} of {options.customers:,} customers", many[method], "s", most=300)
    report.row(f"memory for {options.customers:,} customers", many["memory"], "MB", most=2048)
    return report.done()


if __name__ == "__main__":
    sys.exit(main())
