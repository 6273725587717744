"""Exports of other products: recognised by their columns, with their own times and ids, whatever packs them."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.imports.contracts import BadMapping, Counts
from connectors.imports.mapping import read_mapping
from connectors.imports.presets import recognised
from connectors.imports.reading import detect, table
from connectors.imports.running import Judge
from connectors.imports.services import guessed, look

# As Google's page shows a row: a page of a website and a purchase in an app.
GA4: list[dict[str, Any]] = [
    {
        "event_date": "20260301", "event_timestamp": "1772323200123456", "event_name": "page_view",
        "event_params": [
            {"key": "page_location", "value": {"string_value": "https://shop.example/a"}},
            {"key": "ga_session_number", "value": {"int_value": "3"}},
            {"key": "page_title", "value": {"string_value": "A"}},
        ],
        "user_pseudo_id": "1234.5678", "batch_event_index": "1", "user_properties": [], "items": [],
    },
    {
        "event_date": "20260301", "event_timestamp": "1772323260000000", "event_name": "purchase", "user_id": "u1",
        "event_params": [{"key": "value", "value": {"double_value": 9.5}}], "user_pseudo_id": "app-instance-7",
        "ecommerce": {"transaction_id": "T1", "purchase_revenue": 9.5},
        "items": [{"item_id": "SKU", "item_name": "Mug", "price": 9.5, "quantity": "1"}], "batch_event_index": "2",
    },
]  # fmt: skip
_SIGNED = {"time": 1602611311, "$insert_id": "A", "distinct_id": "$device:d1", "plan": "pro"}
_PAID = {"time": 1602611312, "$insert_id": "B", "distinct_id": "u1", "$user_id": "u1", "$device_id": "d1", "amount": 5}
_KNOWN = {"time": 1602611313, "$insert_id": "C", "$identified_id": "u1", "$anon_id": "d1", "distinct_id": "u1"}
MIXPANEL: list[dict[str, Any]] = [
    {"event": "Signed up", "properties": _SIGNED}, {"event": "Paid", "properties": _PAID},
    {"event": "$identify", "properties": _KNOWN},
]  # fmt: skip
AMPLITUDE: list[dict[str, Any]] = [
    {"event_type": "Opened", "event_time": "2026-03-01 10:00:00.250000", "device_id": "d1", "user_id": None,
     "uuid": "a-1", "event_properties": {"screen": "home"}, "user_properties": {}},
    {"event_type": "$identify", "event_time": "2026-03-01 10:00:01", "device_id": "d1", "user_id": "u1",
     "uuid": "a-2", "event_properties": {}, "user_properties": {"plan": "pro"}},
]  # fmt: skip


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def taken(path: Path) -> tuple[list[dict[str, Any]], Counts]:
    """What a file becomes by the mapping that is guessed for it."""
    layout = detect(path)
    mapping = guessed(*look(path, layout))
    assert mapping["columns"] == []
    with table(path, layout) as opened:
        judge = Judge(opened, read_mapping(mapping, opened.header, formats=True))
        items = [item for piece in judge.slices() for item in orjson.loads(piece.document)["batch"]]
    return items, judge.counts


def test_user_properties_of_ga4_are_traits_from_the_time_on_at_which_they_were_set(tmp_path: Path) -> None:
    plan = {"key": "plan", "value": {"string_value": "pro", "set_timestamp_micros": "1772323100000000"}}
    rows = [{**GA4[0], "user_properties": [plan], "batch_event_index": f"{n}"} for n in range(3)]
    (tmp_path / "ga4.json").write_bytes(lines([*rows, GA4[1]]))
    items, counts = taken(tmp_path / "ga4.json")
    (person,) = [one for one in items if one["type"] == "identify"]
    assert (person["traits"], person["anonymousId"]) == ({"plan": "pro"}, "1234.5678")
    assert person["timestamp"] == "2026-02-28T23:58:20+00:00"
    assert (counts.rows, counts.good, counts.duplicates) == (4, 4, 0)
    assert counts.events == {"page": 3, "purchase": 1, "identify": 1}


def test_ga4_and_firebase_as_json_and_as_parquet_are_the_same_events(tmp_path: Path) -> None:
    (tmp_path / "ga4.json").write_bytes(lines(GA4))
    items, counts = taken(tmp_path / "ga4.json")
    assert (counts.good, counts.events) == (2, {"page": 1, "purchase": 1})
    page, purchase = ({key: value for key, value in one.items() if key != "messageId"} for one in items)
    assert page == {
        "type": "page", "name": "A", "anonymousId": "1234.5678", "timestamp": "2026-03-01T00:00:00.123456+00:00",
        "properties": {"url": "https://shop.example/a", "page_location": "https://shop.example/a",
                       "page_title": "A", "ga_session_number": 3},
    }  # fmt: skip
    assert (purchase["userId"], purchase["anonymousId"]) == ("u1", "app-instance-7")
    assert purchase["properties"] == {
        "value": 9.5, "order_id": "T1", "revenue": 9.5,
        "products": [{"product_id": "SKU", "name": "Mug", "price": 9.5, "quantity": 1}],
    }  # fmt: skip
    columns = dict.fromkeys(name for one in GA4 for name in one)
    rows = [{**columns, **one, "event_timestamp": int(one["event_timestamp"])} for one in GA4]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "ga4.parquet")
    again, _ = taken(tmp_path / "ga4.parquet")
    assert [one["messageId"] for one in again] == [one["messageId"] for one in items]


def test_mixpanel_keeps_what_it_takes_for_one(tmp_path: Path) -> None:
    (tmp_path / "m.ndjson").write_bytes(lines([*MIXPANEL, MIXPANEL[0], {"event": "x", "properties": {}}]))
    items, counts = taken(tmp_path / "m.ndjson")
    assert (counts.rows, counts.good, counts.duplicates) == (5, 3, 1)
    assert sum(counts.refused.values()) == 1
    signed, paid, identify = items
    assert (signed["anonymousId"], signed["properties"]) == ("d1", {"plan": "pro"})
    assert signed["timestamp"] == "2020-10-13T17:48:31+00:00"
    assert (paid["userId"], paid["anonymousId"], paid["properties"]) == ("u1", "d1", {"amount": 5})
    assert (identify["type"], identify["userId"], identify["anonymousId"]) == ("identify", "u1", "d1")


def test_amplitudes_archive_of_gzipped_files_is_read_as_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for hour, row in enumerate(AMPLITUDE):
            archive.writestr(f"1/1_2026-03-01_{hour}#0.json.gz", gzip.compress(lines([row])))
    items, counts = taken(tmp_path / "export.zip")
    assert counts.events == {"Opened": 1, "identify": 1}
    assert (items[0]["timestamp"], items[0]["properties"]) == ("2026-03-01T10:00:00.250000+00:00", {"screen": "home"})
    assert (items[1]["userId"], items[1]["traits"]) == ("u1", {"plan": "pro"})


def test_a_format_is_known_by_its_columns_and_needs_them() -> None:
    assert recognised(["event", "properties", "x"]) == "mixpanel"
    assert recognised(["event", "user"]) == ""
    with pytest.raises(BadMapping, match="has the columns"):
        read_mapping({"preset": "ga4"}, ["a"], formats=True)
    with pytest.raises(BadMapping, match="no format"):
        read_mapping({"preset": "x"}, ["a"], formats=True)
