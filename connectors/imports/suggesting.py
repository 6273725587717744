"""A mapping for a file that is seen for the first time, by its columns' names and what is in them. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.imports.reading import as_text
from connectors.imports.values import CannotRead, boolean, moment, number

_ORDERS, _DECIMALS = ("ymd", "dmy", "mdy"), (".", ",")
# Names of columns, folded, and where they usually go.
_NAMES: dict[str, str] = {
    "customerid": "identifiers.user_id", "userid": "identifiers.user_id", "customernumber": "identifiers.user_id",
    "clientid": "identifiers.user_id", "memberid": "identifiers.user_id", "householdid": "identifiers.user_id",
    "loyaltyid": "identifiers.loyalty_id", "cardnumber": "identifiers.loyalty_id",
    "loyaltycard": "identifiers.loyalty_id",
    "crmid": "identifiers.crm_id", "contactid": "identifiers.crm_id",
    "timestamp": "timestamp", "date": "timestamp", "datetime": "timestamp", "time": "timestamp",
    "invoicedate": "timestamp", "orderdate": "timestamp", "purchasedate": "timestamp", "transactiondate": "timestamp",
    "orderedat": "timestamp", "purchasedat": "timestamp", "paidat": "timestamp",
    "eventtime": "timestamp", "occurredat": "timestamp",
    "event": "event", "eventname": "event", "eventtype": "event",
}  # fmt: skip
_ROLES = {
    "email": "identifiers.email", "phone": "identifiers.phone", "given": "traits.first_name",
    "surname": "traits.last_name", "full": "traits.name", "birth_date": "traits.birth_date",
    "street": "traits.street", "city": "traits.city", "postcode": "traits.postcode", "sex": "traits.gender",
}  # fmt: skip
_REACHING = ("email", "phone")
_BOUGHT = re.compile(r"invoice|order|sku|stockcode|product|price|quantity|amount|basket|purchase", re.IGNORECASE)

RolesOf = Callable[[Mapping[str, Sequence[str]]], Mapping[str, str | None]]


def suggest(header: Sequence[str], sample: Sequence[Sequence[Any]], *, roles_of: RolesOf) -> dict[str, Any]:
    """A mapping by the names of the columns and what is in the sample. `roles_of` names columns about people."""
    columns = {
        name: [as_text(row[index]) if index < len(row) else "" for row in sample] for index, name in enumerate(header)
    }
    roles = roles_of(columns)
    track = any(_NAMES.get(_folded(name)) in ("timestamp", "event") for name in header) and any(
        map(_BOUGHT.search, header)
    )
    group = "properties" if track else "traits"
    taken: set[str] = set()
    found = []
    for name, values in columns.items():
        role = roles.get(name) or ""
        # Numbers of invoices look like postcodes: of events, only what reaches people is told by its values.
        told = "" if track and role not in _REACHING else _ROLES.get(role, "")
        to = _NAMES.get(_folded(name)) or told or f"{group}.{_snake(name)}"
        if to in taken or (to in ("timestamp", "event") and not track):
            to = f"{group}.{_snake(name)}"
        if to in taken or not any(values):
            continue
        taken.add(to)
        found.append({"name": name, "to": to, **_kind(values, to)})
    return {"rows": "track" if track else "identify", "event": "Order Completed" if track else "", "columns": found}


def _kind(values: Sequence[str], to: str) -> dict[str, Any]:
    """What nearly all values of the sample read as: decided for the column, never for a cell."""
    filled = [value for value in values if value]
    if to.startswith("identifiers.") or not filled:
        return {"kind": "text"}
    for order in _ORDERS:
        if _share(filled, lambda text, order=order: moment(None, text, order=order)) > 0.99:  # type: ignore[misc]
            return {"kind": "date", "order": order}
    if to.startswith("traits.") and to.removeprefix("traits.") in ("phone", "postcode"):
        return {"kind": "text"}
    for mark in _DECIMALS:
        leading = any(len(text) > 1 and text[0] == "0" and text.isdigit() for text in filled)
        if not leading and _share(filled, lambda text, mark=mark: number(text, decimal=mark)) > 0.99:  # type: ignore[misc]
            return {"kind": "number", "decimal": mark}
    words = {text.casefold() for text in filled}
    if len(words) <= 2 and _share(filled, boolean) == 1 and not words <= {"x", "-"}:
        return {"kind": "boolean"}
    return {"kind": "text"}


def _share(values: Sequence[str], read: Callable[[str], Any]) -> float:
    return sum(_reads(value, read) for value in values) / len(values)


def _reads(value: str, read: Callable[[str], Any]) -> bool:
    try:
        read(value)
    except CannotRead:
        return False
    return True


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def _snake(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", spaced).strip("_").lower()[:120] or "column"
