"""The log as Parquet: DuckDB gives the features that PostgreSQL gives, and nothing is in the files that none reads."""

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp import erasing
from common import clock, pg
from common.models import AuditEntry
from connectors import services as connectors
from insights import services
from insights.bulk import exporting
from insights.contracts import BadFeature
from insights.features.catalogue import BUILT_IN
from insights.features.declared import MEASURES
from insights.features.reading import features
from privacy import services as privacy
from tests.insights.sending import Sender
from tests.insights.world import SPRING, Shop, told

pytestmark = pytest.mark.django_db

ZONES = ("UTC", "America/New_York", "Asia/Kolkata")
# All that people can declare, with and without a window.
DECLARED = {f"my_{measure}{'_30' if days else ''}": (measure, days) for measure in MEASURES for days in (None, 30)}
# Parts of differences are whole numbers: what is left of two means that may end in another bit is no number to compare.
COMBINED = {
    "revenue_per_order": ("ratio", "revenue_90d", "orders_90d"),
    "visits_per_view": ("ratio", "visits_30d", "my_count"),
    "orders_by_clicks": ("product", "orders_30d", "email_click_rate_90d"),
    "hour_by_sum": ("product", "usual_hour", "my_sum"),
    "visits_more": ("difference", "visits_90d", "events_30d"),
    "days_and_days": ("addition", "recency_days", "my_days_since_30"),
}
_NAMES = ("Order Completed", "Order Refunded", "Order Cancelled", "$page", "Viewed", "Email Delivered", "Email Opened",
          "Email Link Clicked", "$identify")  # fmt: skip
_VALUES = st.sampled_from(
    ["12.5", 3, 0.1, -2.25, "", None, True, "I love it, it is great", 'a "b", c\nd', "straße", "7", [1], {"a": 1}, 1e11]
)
_happening = st.fixed_dictionaries(
    {
        "person": st.integers(1, 5), "name": st.sampled_from(_NAMES), "minutes": st.integers(-120 * 24 * 60, 60 * 24),
        "delay": st.integers(0, 40), "order": st.sampled_from(["a", "b", "c", ""]),
        "revenue": st.sampled_from([0, 10, "19.99", 0.333333333, -4, 50, None, 2e10, "no number"]),
        "value": _VALUES, "bot": st.booleans(), "listed": st.lists(st.sampled_from("pqr,"), max_size=3),
        "source": st.integers(0, 1), "place": st.sampled_from(["NZ", "", None, "Köln", 'a "quoted", b']),
    }
)  # fmt: skip


def fill(shop: Shop, web: int, happened: list[dict[str, Any]]) -> None:
    """Five people of whom one never does a thing, and what the others did."""
    for person in range(1, 7):
        shop.person(person)
    for one in happened:
        when = SPRING + timedelta(minutes=one["minutes"])
        context = {"location": {"country": one["place"]}, "device": {"model": one["place"]}, "os": {"name": "iOS"}}
        shop.tells(
            one["person"], one["name"], when, received=when + timedelta(days=one["delay"]), source=web + one["source"],
            context={**context, **({"robot": "Spider"} if one["bot"] else {})}, traits={"of": one["value"]},
            revenue=one["revenue"], of=one["value"], category=one["order"], product_id=one["order"],
            **({"order_id": one["order"]} if one["order"] else {}),
            **({"products": [{"product_id": x, "category": x * 2} for x in one["listed"]]} if one["listed"] else {}),
        )  # fmt: skip


def declare_all() -> None:
    for name, (measure, days) in DECLARED.items():
        services.declare_feature(
            name=name, measure=measure, event="Viewed", property="of", window_days=days, by="ann", now=clock.now()
        )
    for name, (measure, left, right) in COMBINED.items():
        services.declare_feature(name=name, measure=measure, left=left, right=right, by="ann", now=clock.now())


def in_files(folder: Path, engine: str, names: list[str], as_of: datetime) -> dict[int, tuple[Any, ...]]:
    """Each person's features as an engine has them of a log."""
    out = folder.parent / "features.parquet"
    services.features_of_log(folder, out, engine=engine, names=names, as_of=as_of, personal=True)
    return {row["profile_id"]: tuple(row[name] for name in names) for row in pq.read_table(out).to_pylist()}


def equal(found: dict[int, tuple[Any, ...]], wanted: dict[int, tuple[Any, ...]], names: list[str]) -> None:
    """Whole numbers, money, days and texts are the same; a mean or a logarithm may end in another bit."""
    assert list(found) == list(wanted)
    for person, values in wanted.items():
        for name, one, other in zip(names, found[person], values, strict=True):
            assert one == (pytest.approx(other, rel=1e-12, abs=1e-12) if isinstance(other, float) else other), name


@contextmanager
def a_log(happened: list[dict[str, Any]], zone: str, joined: set[int], lines: bool) -> Iterator[Path]:
    """A base with all of this, and its log; gone afterwards."""
    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        web = connectors.create_source(name="Shop", kind="web", by="ann").id
        services.keep_setting({"zone": zone, "lines": lines, "history_sources": [web + 1]}, by="ann", now=clock.now())
        declare_all()
        shop = Shop()
        fill(shop, web, happened)
        shop.moves(joined, 1, now=SPRING)
        log = Path(folder) / "log"
        services.export_log(log, by="ann", now=SPRING + timedelta(days=100), conn=pg.raw())
        yield log
        transaction.set_rollback(True)


@settings(max_examples=25)
@given(
    st.lists(_happening, max_size=40), st.sampled_from(ZONES), st.sets(st.integers(2, 4), max_size=2), st.booleans()
)  # fmt: skip
def test_duckdb_gives_every_feature_that_postgresql_gives(
    happened: list[dict[str, Any]], zone: str, joined: set[int], lines: bool
) -> None:
    with a_log(happened, zone, joined, lines) as log:
        names = [*features()]
        assert {*BUILT_IN, *DECLARED, *COMBINED} == {*names}
        for as_of in (SPRING, SPRING - timedelta(days=33, hours=5)):
            equal(in_files(log, "duckdb", names, as_of), told(*names, as_of=as_of), names)


def test_the_days_on_which_clocks_change_are_days_there_too(shop: Shop, tmp_path: Path) -> None:
    shop.person(1)
    services.keep_setting({"zone": "Europe/Berlin"}, by="ann", now=clock.now())
    # Two hours of the 29th of March and two of the 25th of October have the same name or none at all.
    for month, day in ((3, 28), (3, 29), (10, 25), (10, 26)):
        for minutes in range(0, 300, 30):
            shop.orders(1, datetime(2026, month, day, 22, tzinfo=UTC) + timedelta(minutes=minutes), 1.1)
    services.export_log(tmp_path / "log", by="ann", now=datetime(2026, 12, 1, tzinfo=UTC), conn=pg.raw())
    names = [*BUILT_IN]
    for as_of in (datetime(2026, 3, 30, 0, 30, tzinfo=UTC), datetime(2026, 10, 27, 0, 30, tzinfo=UTC)):
        equal(in_files(tmp_path / "log", "duckdb", names, as_of), told(*names, as_of=as_of), names)


def test_only_what_the_features_read_is_in_the_files(shop: Shop, tmp_path: Path) -> None:
    shop.person(1)
    shop.orders(1, SPRING, 10, secret="of the order", email="ann@example.org")
    shop.tells(1, "Viewed", SPRING, of="hats", secret="of the view")
    shop.tells(1, "$identify", SPRING, traits={"email": "ann@example.org", "plan": "pro"})
    services.declare_feature(name="plan", measure="trait", property="plan", by="ann", now=clock.now())
    whole, few = (
        services.export_log(tmp_path / name, names=names, by="ann", now=SPRING + timedelta(days=1), conn=pg.raw())
        for name, names in (("whole", []), ("few", ["frequency"]))
    )
    assert (whole.events, few.events) == (3, 1)
    kept = pq.read_table(tmp_path / "whole" / "events")
    assert "secret" not in str(kept.to_pydict())
    assert "ann@example.org" not in str(kept.to_pydict())
    assert sorted(one for one in kept.column("text_0").to_pylist() if one) == ["pro"]
    assert pq.read_table(tmp_path / "few" / "events").column_names == [
        "profile_id", "name", "occurred_at", "received_at", "source_id", "message_id", "order_id", "micros",
    ]  # fmt: skip
    with pytest.raises(services.BadLog, match="plan: this log was written without"):
        in_files(tmp_path / "few", "duckdb", ["plan"], SPRING)
    assert AuditEntry.objects.filter(action="insights.log").count() == 2


def test_a_log_is_of_an_instant_and_nothing_later_can_be_asked_of_it(shop: Shop, tmp_path: Path) -> None:
    shop.person(1)
    services.export_log(tmp_path / "log", by="ann", now=SPRING, conn=pg.raw())
    assert in_files(tmp_path / "log", "duckdb", ["frequency", "latest_city"], SPRING) == {1: (0, None)}
    with pytest.raises(BadFeature, match="as_of: the log holds what had come by 2026-03-01"):
        in_files(tmp_path / "log", "duckdb", ["frequency"], SPRING + timedelta(seconds=1))


def test_a_folder_with_something_else_is_left_alone_and_a_log_is_replaced_whole(shop: Shop, tmp_path: Path) -> None:
    shop.person(1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(services.BadLog, match="not empty and holds no log"):
        services.export_log(tmp_path / "mine", by="ann", now=SPRING, conn=pg.raw())
    for people in (1, 2):
        assert services.export_log(tmp_path / "log", by="ann", now=SPRING, conn=pg.raw()).people == people
        shop.person(people + 1)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["log", "mine"]
    (tmp_path / "log" / "log.json").write_text(json.dumps({"form": 0}))
    with pytest.raises(services.BadLog, match="another version"):
        in_files(tmp_path / "log", "duckdb", ["frequency"], SPRING)


def test_a_large_log_is_several_files_and_none_of_it_is_lost(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_GROUP", 100)
    monkeypatch.setattr(exporting, "_GROUPS", 2)
    monkeypatch.setattr(exporting, "_BLOCK", 4096)
    shop.person(1)
    for n in range(700):
        shop.orders(1, SPRING - timedelta(minutes=n), 1, f"o{n}", note="x" * (n % 50))
    services.export_log(tmp_path / "log", by="ann", now=SPRING, conn=pg.raw())
    assert len(list((tmp_path / "log" / "events").iterdir())) > 2
    assert in_files(tmp_path / "log", "duckdb", ["frequency", "monetary"], SPRING) == {1: (699, 699)}


@pytest.mark.django_db(transaction=True)
def test_whoever_was_erased_is_in_no_log_that_is_written_afterwards(sender: Sender, tmp_path: Path) -> None:
    now = clock.now()
    for user in ("u1", "u2"):
        sender.send(sender.order(user, (now - timedelta(days=1)).isoformat(), 10))
    before = services.export_log(tmp_path / "log", by="ann", now=clock.now())
    gone = sender.profile("u1")
    privacy.request_erasure(profile_id=gone, by="ann", now=clock.now())
    erasing.run_erasures(now=clock.now())
    after = services.export_log(tmp_path / "log", by="ann", now=clock.now())
    assert (before.people, after.people, after.events) == (2, 1, before.events - 1)
    assert gone not in pq.read_table(tmp_path / "log" / "people").column("profile_id").to_pylist()
    assert gone not in pq.read_table(tmp_path / "log" / "events").column("profile_id").to_pylist()


@pytest.mark.django_db(transaction=True)
def test_the_commands_write_one_file_whichever_engine_works_it_out(sender: Sender, tmp_path: Path) -> None:
    services.declare_feature(name="mail", measure="trait", property="email", by="ann", now=clock.now())
    sender.send(sender.identify("u1", email="ann@example.org"))
    sender.send(sender.order("u1", (clock.now() - timedelta(days=1)).isoformat(), 10))
    out, log = io.StringIO(), tmp_path / "log"
    call_command("export_log", out=log, format="json", stdout=out)
    made_at = json.loads(out.getvalue())["made_at"]
    files = []
    for engine, more in (("postgres", {}), ("duckdb", {"log": log})):
        file = tmp_path / f"{engine}.parquet"
        call_command("features", out=file, engine=engine, as_of=made_at, stdout=out, **more)
        files.append(pq.read_table(file))
    assert files[0].schema == files[1].schema
    assert files[0].to_pylist() == files[1].to_pylist()
    assert files[0].column("mail").to_pylist() == ["a•••@example.org"]
    for told_wrong, asked in (
        ("reads a log", {"engine": "duckdb"}), ("holds no log", {"engine": "duckdb", "log": tmp_path}),
        ("names no zone", {"as_of": "2026-03-01"}), ("no such feature", {"features": "luck"}),
        ("no amount of memory", {"engine": "duckdb", "log": log, "memory": "plenty"}),
    ):  # fmt: skip
        with pytest.raises(CommandError, match=told_wrong):
            call_command("features", out=tmp_path / "x.parquet", stdout=out, **asked)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["duckdb.parquet", "log", "postgres.parquet"]
