"""Rows as bytes of a CSV, NDJSON or Parquet file. Pure."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from common import clock
from connectors.destinations.kit import Payload

FIXED = ("operation", "changed_at", "delivery_id")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_PLAIN_NUMBER = re.compile(r"[+-]\d+(\.\d+)?")


def as_row(payload: Payload) -> dict[str, Any]:
    """One payload as one flat row. Key columns win over columns of the same name."""
    fields = payload.fields
    return {
        "operation": payload.operation,
        "changed_at": clock.iso(payload.at),
        "delivery_id": payload.id,
        **{name: value for name, value in (fields.get("columns") or {}).items() if name not in FIXED},
        **{name: value for name, value in (fields.get("key") or {}).items() if name not in FIXED},
    }


def header(mapping: Mapping[str, Any]) -> list[str]:
    """The columns of every file of one sync: from its mapping, so that a file of removals has the same ones."""
    named = [*(mapping.get("key") or {}), *(mapping.get("columns") or {})]
    return list(dict.fromkeys([*FIXED, *named]))


def as_ndjson(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One JSON object a line."""
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def as_parquet(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Parquet with zstd. All files of a sync have the same schema: `changed_at` is an instant, all else is text.

    Text, because a trait's type is that of whoever sent it last: a column that is a number in one file and text in the
    next cannot be read as one table. What is not text is JSON.
    """
    import pyarrow as pa  # 30 MB that only who writes such files needs
    import pyarrow.parquet as pq

    fields = [pa.field(name, pa.timestamp("us", tz="UTC") if name == "changed_at" else pa.string()) for name in columns]
    values = [[_typed(name, row.get(name)) for row in rows] for name in columns]
    table = pa.table([pa.array(column, field.type) for column, field in zip(values, fields, strict=True)],
                     schema=pa.schema(fields))  # fmt: skip
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _typed(name: str, value: Any) -> Any:
    if value is None or name != "changed_at":
        return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
    return datetime.fromisoformat(value)


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """RFC 4180 with CRLF, UTF-8, all text quoted, and no cell that a spreadsheet would run."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([cell(name) for name in columns])
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in columns])
    return text.getvalue().encode()


def cell(value: Any) -> str | int | float:
    """A value as a cell: numbers stay numbers; text that begins like a formula gets a quote mark before it.

    A plain signed number (a phone number in E.164) cannot do anything and stays as it is.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    text = text.replace("\0", "")
    if text.lstrip(" ").startswith(_FORMULA_STARTS) and not _PLAIN_NUMBER.fullmatch(text):
        return "'" + text
    return text
