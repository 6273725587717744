"""Exports of other products: their rows become items without a mapping of columns, each with the sender's own id. Pure.

- GA4 and Firebase, the BigQuery export (https://support.google.com/analytics/answer/7029846): one row an event, as JSON
  or Parquet; `event_params` is a list of keys with a value by type, `event_timestamp` is in microseconds, and
  `user_pseudo_id` is the client id of a browser or the app instance id of an app. Events have no id of their own: it is
  made of the content with the numbers of their place in the batch.
- Mixpanel, the raw event export (https://docs.mixpanel.com/reference/raw-event-export): NDJSON of `event` and
  `properties` with `time` in seconds, `distinct_id` and `$insert_id`. Mixpanel takes two events for one when name,
  distinct id, time and insert id are equal (https://docs.mixpanel.com/reference/event-deduplication); so do we.
- Amplitude, the Export API (https://amplitude.com/docs/apis/analytics/export): a zip of gzipped NDJSON; `uuid` is the
  id of an event, `event_time` is in UTC.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from connectors.imports.contracts import Made, Problem

Row = Mapping[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Unusable(ValueError):
    """The row is no event of this format; the message says why."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A format: by which columns it is known, which others it reads, and what it makes of a row."""

    label: str
    known_by: Sequence[str]
    also: Sequence[str]
    item: Callable[[Row], dict[str, Any]]
    # What the row tells of the person besides, as an item of its own; None when nothing.
    person: Callable[[Row], dict[str, Any] | None] = lambda _: None


def recognised(header: Sequence[str]) -> str:
    """The format whose columns these are, or ""."""
    return next((name for name, one in PRESETS.items() if set(one.known_by) <= set(header)), "")


class PresetMapper:
    """Maps slices of rows of a known format, like `items.ItemsMapper`."""

    def __init__(self, name: str, header: Sequence[str]) -> None:
        self._name, self._header, self._preset = name, header, PRESETS[name]
        self.items_a_row = 2
        self.blank: dict[str, int] = {}
        self.cases: dict[str, int] = {}

    def __call__(self, rows: Sequence[tuple[int, Sequence[Any]]], columns: object = None) -> Made:
        """The items of each row, and what is to be said of them."""
        made = Made()
        for place, (number, row) in enumerate(rows):
            try:
                told = dict(zip(self._header, row, strict=True))
                item, person = self._preset.item(told), self._preset.person(told)
                items = [
                    (str(one.get("event") or one["type"]), _with_id(one, self._name)) for one in (item, person) if one
                ]
            except (_Unusable, ValueError, TypeError, KeyError, AttributeError) as wrong:
                why = str(wrong) if isinstance(wrong, _Unusable) else "not a row of this format"
                made.problems.append(Problem(number, "", "", why, refused=True))
                continue
            for event, content in items:
                made.add(place, content, event)
        return made


def _with_id(item: dict[str, Any], name: str) -> bytes:
    """The item as JSON; `messageId` holds what makes the event this one, or nothing when only its content does."""
    told = item.pop("messageId", None)
    kept = {key: value for key, value in item.items() if value not in (None, "", {}, [])}
    content = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS, default=str)
    digest = hashlib.blake2b(
        orjson.dumps(told, option=orjson.OPT_SORT_KEYS, default=str) if told else content, digest_size=16
    ).hexdigest()
    # PostgreSQL cannot hold U+0000.
    content = content.replace(b"\\u0000", b"\\ufffd")
    return content[:-1] + b',"messageId":"' + name.encode() + b"-" + digest.encode() + b'"}'


def _ga4(row: Row) -> dict[str, Any]:
    name = _needed(row, "event_name")
    params = _params(row.get("event_params"))
    bought = row.get("ecommerce") or {}
    properties = {
        **params, "order_id": bought.get("transaction_id"), "revenue": bought.get("purchase_revenue"),
        "products": [_product(one) for one in _listed(row.get("items"))],
    }  # fmt: skip
    item: dict[str, Any] = {
        "type": "track", "event": name, "userId": row.get("user_id"), "anonymousId": row.get("user_pseudo_id"),
        "timestamp": _at(int(_needed(row, "event_timestamp"))),
        "context": _filled({"traits": _params(row.get("user_properties"))}),
    }  # fmt: skip
    if name == "page_view":
        item |= {"type": "page", "event": None, "name": params.get("page_title")}
        properties |= {"url": params.get("page_location"), "referrer": params.get("page_referrer")}
    elif name == "screen_view":
        item |= {"type": "screen", "event": None, "name": params.get("firebase_screen")}
    item["properties"] = _filled(properties)
    place = [row.get(key) for key in _PLACE]
    item["messageId"] = [
        row.get("user_pseudo_id"), row.get("user_id"), str(row["event_timestamp"]), name, item["properties"],
        [None if one is None else str(one) for one in place],
    ]  # fmt: skip
    return item


def _ga4_person(row: Row) -> dict[str, Any] | None:
    """User properties are what is known of the person from the time on at which each was set; so a property that stands
    with every event is told once."""
    told = _listed(row.get("user_properties"))
    traits = _filled(_params(told))
    if not traits:
        return None
    set_at = [int(at) for one in told if (at := (one.get("value") or {}).get("set_timestamp_micros"))]
    return {
        "type": "identify", "userId": row.get("user_id"), "anonymousId": row.get("user_pseudo_id"), "traits": traits,
        "timestamp": _at(max(set_at) if set_at else int(_needed(row, "event_timestamp"))),
    }  # fmt: skip


_PLACE = ("event_bundle_sequence_id", "batch_event_index", "batch_page_id", "batch_ordering_id")


def _listed(value: Any) -> list[Any]:
    """A repeated field. Parquet files of BigQuery may wrap it: `{"list": [{"element": …}]}`."""
    found = value.get("list") if isinstance(value, dict) else value
    return [one.get("element", one.get("item", one)) if isinstance(one, dict) else one for one in found or []]


def _params(value: Any) -> dict[str, Any]:
    return {one["key"]: _typed(one.get("value") or {}) for one in _listed(value) if one.get("key")}


def _typed(value: Mapping[str, Any]) -> Any:
    """The value of a parameter, which stands in the field of its type; JSON exports write whole numbers as text."""
    if value.get("int_value") is not None:
        return int(value["int_value"])
    for key in ("string_value", "double_value", "float_value"):
        if value.get(key) is not None:
            return value[key]
    return None


def _product(one: Mapping[str, Any]) -> dict[str, Any]:
    quantity = one.get("quantity")
    return _filled({
        "product_id": one.get("item_id"), "name": one.get("item_name"), "price": one.get("price"),
        "quantity": None if quantity is None else int(quantity),
    })  # fmt: skip


def _mixpanel(row: Row) -> dict[str, Any]:
    name, told = _needed(row, "event"), dict(_needed(row, "properties"))
    distinct = str(told.get("distinct_id") or "")
    device = told.get("$device_id") or (distinct.removeprefix("$device:") if distinct.startswith("$device:") else None)
    user = told.get("$user_id") or (distinct if distinct and not distinct.startswith("$device:") else None)
    time = _needed(told, "time")
    item: dict[str, Any] = {
        "type": "track", "event": name, "userId": user, "anonymousId": device,
        # Seconds; milliseconds in newer exports.
        "timestamp": _at(int(float(time) * (1_000_000 if float(time) < 1e11 else 1_000))),
        "properties": _filled({key: value for key, value in told.items() if key not in _MIXPANEL_OWN}),
    }  # fmt: skip
    if name == "$identify":
        item |= {
            "type": "identify", "event": None, "userId": told.get("$identified_id") or user,
            "anonymousId": str(told.get("$anon_id") or device or "").removeprefix("$device:"), "properties": None,
        }  # fmt: skip
    elif name == "$create_alias":
        item |= {"type": "alias", "event": None, "previousId": told.get("alias"), "properties": None}
    elif name == "$mp_web_page_view":
        item |= {"type": "page", "event": None}
        item["properties"] |= {"url": told.get("$current_url") or told.get("current_url_search")}
    if told.get("$insert_id"):
        item["messageId"] = [name, distinct, str(time), told["$insert_id"]]
    return item


_MIXPANEL_OWN = frozenset({
    "time", "distinct_id", "$insert_id", "$user_id", "$device_id", "token", "mp_processing_time_ms",
    "$mp_api_endpoint", "$mp_api_timestamp_ms", "$import", "$identified_id", "$anon_id", "alias",
})  # fmt: skip


def _amplitude(row: Row) -> dict[str, Any]:
    name = _needed(row, "event_type")
    moment = datetime.fromisoformat(str(_needed(row, "event_time")))
    item: dict[str, Any] = {
        "type": "track", "event": name, "userId": row.get("user_id"), "anonymousId": row.get("device_id"),
        "timestamp": (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(),
        "properties": _filled(row.get("event_properties") or {}),
    }  # fmt: skip
    if name == "$identify":
        item |= {"type": "identify", "event": None, "traits": row.get("user_properties") or {}, "properties": None}
    own = row.get("uuid") or row.get("$insert_id") or row.get("insert_id")
    if own:
        item["messageId"] = [str(own)]
    return item


def _needed(row: Row, key: str) -> Any:
    value = row.get(key)
    if value in (None, ""):
        raise _Unusable(f"without {key}")
    return value


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", {}, [])}


def _at(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).isoformat()


_GA4_COLUMNS = (
    "user_id", "event_params", "user_properties", "ecommerce", "items", *_PLACE,
)  # fmt: skip
PRESETS: Mapping[str, Preset] = {
    "ga4": Preset(
        "GA4 or Firebase: BigQuery export", ("event_name", "event_timestamp", "user_pseudo_id"), _GA4_COLUMNS, _ga4,
        _ga4_person,
    ),
    "amplitude": Preset(
        "Amplitude: Export API", ("event_type", "event_time", "device_id", "event_properties"),
        ("user_id", "user_properties", "uuid", "$insert_id", "insert_id"), _amplitude,
    ),
    "mixpanel": Preset("Mixpanel: raw event export", ("event", "properties"), (), _mixpanel),
}  # fmt: skip
