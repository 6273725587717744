"""Lifetime value by both methods on public orders: files taken in, profiles, features, a run for each horizon, judged
on its last closed window. What is learned, and how long, is found on windows that closed before."""

import csv
import gzip
import io
import lzma
import resource
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kit.files import take_in
from kit.report import Report
from kit.retail import take_in_retail
from kit.services import fresh_services, isolated

_HORIZONS = (30, 60, 90)
_SETS = {
    "Online Retail II": datetime(2010, 12, 10, tzinfo=UTC),
    "The Complete Journey": datetime(2018, 1, 1, tzinfo=UTC),
}  # fmt: skip
_LINES = {"lines": True, "cancel_event": "", "currency": ""}
_JOURNEY = {
    "rows": "track", "event": "Order Completed",
    "columns": [
        {"name": "household_id", "to": "identifiers.user_id"}, {"name": "at", "to": "timestamp"},
        {"name": "basket_id", "to": "properties.order_id"}, {"name": "product_id", "to": "properties.product_id"},
        {"name": "department", "to": "properties.category"},
        {"name": "value", "to": "properties.price", "kind": "number"},
    ],
}  # fmt: skip


def report_lifetimes(report: Report, folder: str | None) -> None:
    """The error of both for each set and horizon; boosting has no bar to pass: which is used is decided each time."""
    for name, as_of in _SETS.items() if folder else ():
        found = isolated(_values, folder, name, as_of)
        for horizon, told in found["horizons"].items():
            title = f"{name}, {horizon} days"
            if told["error"] or told["comparison"] is None:
                report.row(f"{title}: {told['error'] or told['why']}", 0, "")
                continue
            graph, trees, plain = told["comparison"]
            for one, beside in ((trees, graph), (graph, trees), (plain, graph)):
                which = f"{title}, {one['method']}"
                report.row(f"{which}: sum, off by", one["total_error"], "", reference=f"{beside['total_error']:+.3f}")
                report.row(
                    f"{which}: error of a customer",
                    one["mean_error"],
                    "",
                    ratio=one["mean_error"] / beside["mean_error"],
                )
                report.row(
                    f"{which}: root of its mean square", one["squared_error"], "",
                    ratio=one["squared_error"] / beside["squared_error"],
                )  # fmt: skip
                report.row(f"{which}: explained", one["explained"], "", reference=f"{beside['explained']:.3f}")
                report.row(f"{which}: Spearman", one["rank"], "", reference=f"{beside['rank']:.3f}")
                report.row(f"{which}: Gini", one["gini"], "", reference=f"{beside['gini']:.3f}")
            report.row(f"{title}: boosting is used", float(told["method"] == "boosting"), "", reference=told["why"])
            report.row(f"{title}: the run", told["cpu"], "s of processor", reference=f"{told['rows']:,} rows")
        report.row(f"{name}: memory of the process", found["memory"], "MB")


def report_many_lifetimes(report: Report, statements: Sequence[str], people: int, events: int, as_of: datetime) -> None:
    """What a run costs over a base that these statements make."""
    told = isolated(_many, list(statements), people, events, as_of)
    name = f"lifetime values of {told['people']:,} customers over {events:,} events"
    report.row(f"{name}: the process of the run", told["cpu"], "s of processor", reference=told["error"] or told["why"])
    report.row(f"{name}: until the end", told["wall"], "s")
    report.row(f"{name}: memory of the process, above that before", told["memory"], "MB")


def _many(statements: list[str], people: int, events: int, as_of: datetime) -> dict[str, Any]:
    with fresh_services():
        from django.db import connection

        from cdp.pipeline.follow import follow_moves
        from common import clock
        from insights import selectors, services
        from insights.models import Run

        with connection.cursor() as cursor:
            cursor.execute("create table events_event_of_all_times partition of events_event default")
            for statement in statements:
                cursor.execute(statement, {"people": people, "events": events})
        services.keep_setting({**_LINES, "amount": ["price"], "quantity": "quantity"}, by="bench", now=clock.now())
        services.keep_lifetime_setting(method="boosting", by="bench", now=clock.now())
        services.request_run(kind="lifetime", by="bench", now=clock.now(), as_of=as_of)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu, wall = time.process_time(), time.perf_counter()
        services.run_waiting(now=clock.now(), after=follow_moves)
        took = time.process_time() - cpu, time.perf_counter() - wall
        view = selectors.lifetime()
        return {
            "cpu": took[0], "wall": took[1], "error": Run.objects.order_by("-pk")[0].error,
            "people": view.people if view else 0, "why": f"by {view.words}: {view.why}" if view else "",
            "memory": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10,
        }  # fmt: skip


def _values(folder: str, name: str, as_of: datetime) -> dict[str, Any]:
    with fresh_services():
        from cdp.pipeline.follow import follow_moves
        from common import clock
        from insights import selectors, services
        from insights.models import Run

        if name == "Online Retail II":
            source, _ = take_in_retail(Path(folder))
            told: dict[str, Any] = {
                **_LINES,
                "amount": ["price"],
                "quantity": "quantity",
                "refund_event": "Line Returned",
            }
        else:
            source = _take_in_journey(Path(folder))
            told = {**_LINES, "amount": ["price"], "refund_event": ""}
        services.keep_setting({**told, "history_sources": [source]}, by="bench", now=clock.now())
        found: dict[int, dict[str, Any]] = {}
        for horizon in _HORIZONS:
            services.keep_lifetime_setting(horizon_days=horizon, by="bench", now=clock.now())
            services.request_run(kind="lifetime", by="bench", now=clock.now(), as_of=as_of)
            began = time.process_time()
            services.run_waiting(now=clock.now(), after=follow_moves)
            figures = Run.objects.order_by("-pk")[0]
            view = selectors.lifetime()
            compared = figures.figures.get("comparison")
            found[horizon] = {
                "cpu": time.process_time() - began, "error": figures.error,
                "method": view.method if view else "", "why": view.why if view else "",
                "comparison": compared and compared["methods"], "rows": compared["rows"] if compared else 0,
            }  # fmt: skip
        return {"horizons": found, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10}


def _take_in_journey(folder: Path) -> int:
    """A sample of the baskets of 2,469 households in a year; amounts are net of discounts."""
    products = io.StringIO(gzip.decompress((folder / "completejourney_products.csv.gz").read_bytes()).decode())
    departments = {row["product_id"]: row["department"] for row in csv.DictReader(products)}
    lines = lzma.decompress((folder / "completejourney_transactions_sample.csv.xz").read_bytes()).decode()
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow(["household_id", "at", "basket_id", "product_id", "department", "value"])
    for row in csv.DictReader(io.StringIO(lines)):
        write.writerow([
            row["household_id"], row["transaction_timestamp"], row["basket_id"], row["product_id"],
            departments.get(row["product_id"], ""), row["sales_value"],
        ])  # fmt: skip
    return take_in("Journey", out.getvalue().encode(), _JOURNEY)[0]
