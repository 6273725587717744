"""Members as rows of a table, whatever the database: which columns, which values, and how a row is named. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.destinations.errors import Misconfigured
from connectors.destinations.kit import Field, ListingAction, Payload
from connectors.destinations.mapping import path

FIELDS = {
    "table": Field(label="Table", required=True, constant=True, key=True, help="Such as vips, or marketing.vips."),
    "key": Field(
        label="Key columns", type="object", key=True, required=True,
        default={"profile_id": path("profile.id"), "identifier": path("target.value")},
    ),
    "columns": Field(label="Columns", type="object", default={"segment": path("segment.slug")}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """A table by its parts (schema and name, or the name alone), its key columns and its other columns."""

    table: tuple[str, ...]
    key: tuple[str, ...]
    others: tuple[str, ...]

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> "Shape":
        """That of a sync's mapping, so that each batch writes the same columns. Raises Misconfigured."""
        key = tuple(mapping.get("key") or {})
        if not key:
            raise Misconfigured("The mapping names no key column.", code="no_key")
        others = tuple(name for name in mapping.get("columns") or {} if name not in key)
        return cls(tuple(str(mapping["table"]).split(".", 1)), key, others)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.key, *self.others)

    def values(self, payload: Payload) -> dict[str, Any]:
        """All columns of one member; those of the key alone for one who leaves."""
        given = payload.fields.get("columns") or {}
        others = {} if payload.operation == "remove" else {name: given.get(name) for name in self.others}
        return {name: payload.fields["key"].get(name) for name in self.key} | others


class KeepTable(ListingAction):
    """Members of the segment are rows of a table; each database says how a batch is written and read back."""

    slug = "table"
    label = "Keep a table"
    description = "One row for each member, changed when they change and deleted when they leave."
    fields = FIELDS
    batch_size = 5_000

    def member(self, fields: Mapping[str, Any]) -> str:
        return named(list(fields["key"].values()))


def named(values: Sequence[Any]) -> str:
    """How a row is named by the values of its key columns, read back or mapped."""
    return orjson.dumps([None if value is None else str(value) for value in values]).decode()
