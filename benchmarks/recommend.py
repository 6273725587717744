"""Recommendations and lifetime value end to end: ratings of films and orders of a shop taken in as files, resolved into
profiles, learned, judged by what people did next, and asked for.

`python benchmarks/recommend.py --data FOLDER` with `movielens_latest_small_*.csv.gz` (GroupLens, not to be passed on)
and `online_retail_ii_2009_2010.csv.xz` (UCI, CC BY 4.0) in it.
"""

import argparse
import csv
import gzip
import io
import lzma
import os
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# As the launcher starts the product's processes; before numpy is loaded.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

from kit.files import take_in
from kit.report import Report
from kit.services import fresh_services, isolated

_RATED = {"signals": [
    {"event": "Rated", "weight": 1, "consumes": True, "property": "rating", "at_least": 3.5},
], "half_life_days": 3650}  # fmt: skip
_BEGIN = datetime(2008, 1, 1, tzinfo=UTC)
_BOUGHT = {"half_life_days": 90}


def _films(folder: str) -> dict[str, Any]:
    """Ratings of 610 people; the last fifth of each is foreseen, of ratings from 3.5 up. They span more years than are
    taken in, so time runs at half its pace from 2008 on; the order of what each did stays."""
    ratings = gzip.decompress((Path(folder) / "movielens_latest_small_ratings.csv.gz").read_bytes()).decode()
    films = gzip.decompress((Path(folder) / "movielens_latest_small_movies.csv.gz").read_bytes()).decode()
    lines = ["user,item,rating,at"]
    rows = list(csv.DictReader(io.StringIO(ratings)))
    first = min(int(row["timestamp"]) for row in rows)
    for row in rows:
        at = (_BEGIN + timedelta(seconds=(int(row["timestamp"]) - first) / 2)).isoformat()
        lines.append(f"u{row['userId']},{row['movieId']},{row['rating']},{at}")
    mapping = {
        "rows": "track", "event": "Rated",
        "columns": [
            {"name": "user", "to": "identifiers.user_id"}, {"name": "at", "to": "timestamp"},
            {"name": "item", "to": "properties.product_id"},
            {"name": "rating", "to": "properties.rating", "kind": "number"},
        ],
    }  # fmt: skip
    head = "id,name,category\n"
    catalogue = io.StringIO()
    write = csv.writer(catalogue)
    for row in csv.DictReader(io.StringIO(films)):
        write.writerow([row["movieId"], row["title"], row["genres"]])
    return _through(
        "\n".join(lines).encode(), mapping, orders={}, setting=_RATED, catalogue=head + catalogue.getvalue(),
        as_of=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def _retail(folder: str) -> dict[str, Any]:
    """Lines of orders of a wholesaler of gifts; what each customer buys first in the last fifth of their lines."""
    content = lzma.decompress((Path(folder) / "online_retail_ii_2009_2010.csv.xz").read_bytes())
    mapping = {
        "rows": "track", "event": "Order Completed",
        "cases": [{"column": "Invoice", "starts_with": "C", "event": "Line Returned"}],
        "columns": [
            {"name": "Customer ID", "to": "identifiers.user_id"}, {"name": "InvoiceDate", "to": "timestamp"},
            {"name": "Invoice", "to": "properties.order_id"}, {"name": "StockCode", "to": "properties.product_id"},
            {"name": "Description", "to": "properties.name"},
            {"name": "Quantity", "to": "properties.quantity", "kind": "number"},
            {"name": "Price", "to": "properties.price", "kind": "number"},
        ],
    }  # fmt: skip
    orders = {"amount": ["price"], "quantity": "quantity", "lines": True, "cancel_event": "", "refund_event": "",
              "currency": ""}  # fmt: skip
    return _through(content, mapping, orders=orders, setting=_BOUGHT, as_of=datetime(2010, 12, 10, tzinfo=UTC))


def _through(
    content: bytes, mapping: dict[str, Any], *, orders: dict[str, Any], setting: dict[str, Any], as_of: datetime,
    catalogue: str = "",
) -> dict[str, Any]:  # fmt: skip
    with fresh_services():
        from cdp.pipeline.follow import follow_moves
        from common import clock
        from insights import selectors, services
        from insights.models import Run

        source, _ = take_in("History", content, mapping)
        services.keep_setting({**orders, "history_sources": [source]}, by="bench", now=clock.now())
        services.keep_recommendation_setting(setting, by="bench", now=clock.now())
        if catalogue:
            services.import_items(catalogue, by="bench", now=clock.now())
        services.request_run(kind="recommendations", by="bench", now=clock.now(), as_of=as_of)
        began = time.process_time()
        services.run_waiting(now=clock.now(), after=follow_moves)
        took = time.process_time() - began
        errors = [one.error for one in Run.objects.all() if one.error]
        figures: dict[str, Any] = dict(selectors.recommenders()[0].figures) if not errors else {}
        worth = _worth(as_of) if not catalogue else None
        return {
            **figures,
            "worth": worth,
            "errors": errors,
            "took": took,
            "memory": _memory(),
            **({} if errors else _asked()),
        }


def _worth(as_of: datetime) -> Any:
    """What customers are worth in 90 days, and how right that would have been for the last 90."""
    from cdp.pipeline.follow import follow_moves
    from common import clock
    from insights import selectors, services

    services.request_run(kind="lifetime", by="bench", now=clock.now(), as_of=as_of)
    services.run_waiting(now=clock.now(), after=follow_moves)
    return selectors.lifetime()


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def _asked() -> dict[str, Any]:
    """Milliseconds of this process and of the clock for one answer, by the door and by the API."""
    from django.test import Client

    from common import access, clock
    from identity.models import Profile
    from insights import selectors
    from insights.models import Item

    profiles = list(Profile.objects.order_by("pk").values_list("pk", flat=True)[:300])
    keys = list(Item.objects.order_by("pk").values_list("key", flat=True)[:300])
    text, _ = access.create_token(name="bench", scopes=["profiles:read"])
    client, found = Client(headers={"Authorization": f"Bearer {text}"}), {}
    ways: dict[str, Any] = {
        "door, a person": lambda n: selectors.recommend(profile_id=profiles[n % len(profiles)], now=clock.now()),
        "door, nobody and an item": lambda n: selectors.recommend(context=[keys[n % len(keys)]], now=clock.now()),
        "API, a person": lambda n: client.get(f"/api/v1/recommendations?profile={profiles[n % len(profiles)]}"),
    }
    for name, ask in ways.items():
        ask(0)
        own, wall = [], []
        for turn in range(200):
            cpu, began = time.process_time(), time.perf_counter()
            ask(turn)
            own.append((time.process_time() - cpu) * 1000)
            wall.append((time.perf_counter() - began) * 1000)
        found[name] = [_at(own, 0.5), _at(own, 0.95), _at(wall, 0.5), _at(wall, 0.95)]
    return {"asked": found}


def _at(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def _told(report: Report, name: str, found: dict[str, Any], *, films: bool) -> None:
    for error in found["errors"]:
        print(f"{name}: {error}", file=sys.stderr)
    report.row(f"{name}: runs that failed", len(found["errors"]), "runs", most=0)
    if found["errors"]:
        return
    model, usual, together = (found["measures"][one] for one in ("model", "popular", "together"))
    print(name, found["params"], {one: found[one] for one in ("people", "in_factors", "items", "pairs")},
          file=sys.stderr)  # fmt: skip
    report.row(
        f"{name}: NDCG@10", model["ndcg"], "", least=max(0.120, 1.4 * usual["ndcg"]) if films else usual["ndcg"],
        ratio=model["ndcg"] / usual["ndcg"], reference=f"popularity {usual['ndcg']:.4f}",
    )  # fmt: skip
    report.row(f"{name}: NDCG@10 of what goes together alone", together["ndcg"], "")
    report.row(
        f"{name}: precision@10", model["precision"], "", least=0.098 if films else None,
        reference=f"popularity {usual['precision']:.4f}",
    )  # fmt: skip
    report.row(f"{name}: recall@10", model["recall"], "", reference=f"popularity {usual['recall']:.4f}")
    report.row(
        f"{name}: coverage", model["coverage"], "of items", least=4 * usual["coverage"] if films else None,
        ratio=model["coverage"] / usual["coverage"], reference=f"popularity {usual['coverage']:.4f}",
    )  # fmt: skip
    report.row(f"{name}: novelty", model["novelty"], "bit", reference=f"popularity {usual['novelty']:.2f}")
    report.row(f"{name}: diversity", model["diversity"], "", reference=f"popularity {usual['diversity']:.3f}")
    report.row(f"{name}: serendipity", model["serendipity"], "", least=0.06 if films else None)
    report.row(f"{name}: the run", found["took"], "s of processor")
    report.row(f"{name}: memory of the process", found["memory"], "MB")
    if found["worth"] is not None and found["worth"].check is not None:
        check = found["worth"].check
        report.row(
            "lifetime: value of 90 days, expected", check.expected_value, "GBP",
            ratio=check.expected_value / check.value, reference=f"came {check.value:,.0f}",
        )  # fmt: skip
        report.row(
            "lifetime: orders of 90 days, expected", check.expected_orders, "orders",
            ratio=check.expected_orders / check.orders, reference=f"came {check.orders:,.0f}",
        )  # fmt: skip
        report.row(
            "lifetime: mean error of a customer", check.mean_error, "GBP", most=check.naive_mean_error,
            ratio=check.mean_error / check.naive_mean_error, reference=f"as before {check.naive_mean_error:.2f}",
        )  # fmt: skip
        report.row(
            "lifetime: root of its mean square", check.squared_error, "GBP", most=check.naive_squared_error,
            ratio=check.squared_error / check.naive_squared_error,
            reference=f"as before {check.naive_squared_error:.2f}",
        )  # fmt: skip
    for way, (own, own95, wall, wall95) in found["asked"].items():
        report.row(f"{name}: {way}, p95", own95, "ms of processor", reference=f"p50 {own:.1f} ms")
        report.row(f"{name}: {way}, p95 by the clock", wall95, "ms", reference=f"p50 {wall:.1f}, load {_load():.0f}")


def _load() -> float:
    return os.getloadavg()[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder with the public files")
    parser.add_argument("--only", choices=["films", "retail"])
    given = parser.parse_args()
    report = Report("recommendations")
    if given.only != "retail":
        _told(report, "films", isolated(_films, given.data), films=True)
    if given.only != "films":
        _told(report, "retail", isolated(_retail, given.data), films=False)
    return report.done()


if __name__ == "__main__":
    sys.exit(main())
