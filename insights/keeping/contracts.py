"""What a kept feature is. No Django."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from insights.contracts import OrderSetting
from insights.features.contracts import DeclaredView, Feature

PREFIX = "feature_"
# Each is a claim a person and a part of every statement: what nobody reads should not be kept.
MOST_KEPT = 20


@dataclass(frozen=True, slots=True)
class KeptView:
    """A feature that is kept as a trait. `whole_at`: the instant of which everybody was computed last, None before the
    first time, with how many `people` had a value then. `filling`: everybody is being computed, `reached` is the last
    profile that was. `leaving`: it was switched off, and its trait is being taken away."""

    name: str
    title: str
    trait: str
    kept_by: str
    kept_at: datetime
    whole_at: datetime | None
    people: int
    filling: bool
    reached: int
    leaving: bool


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How far kept features are behind: `waiting` people (at most; who waits twice counts twice), the longest of them
    since `oldest_at`. `computed_at`: when values were written last."""

    waiting: int
    oldest_at: datetime | None
    computed_at: datetime | None


def trait_of(name: str) -> str:
    """The trait of a kept feature."""
    return f"{PREFIX}{name}"


def meaning_of(feature: Feature, declared: Mapping[str, DeclaredView], orders: OrderSetting) -> str:
    """A digest of all that decides the value but events and time, of its parts too: when it changes, everybody is
    computed anew."""
    told = [_told(one, declared.get(one.name)) for one in (feature, *feature.parts)]
    text = json.dumps([*told, orders.to_json()], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _told(feature: Feature, declared: DeclaredView | None) -> dict[str, Any]:
    told: dict[str, Any] = {"sql": feature.sql, "window": feature.window_days, "empty": feature.empty}
    if declared is not None:
        view = asdict(declared)
        told |= {key: view[key] for key in ("measure", "event", "property")}
    return told


def value_of(value: Any) -> str:
    """A feature's value as the JSON of a trait; `null` for what is not known.

    Numbers have twelve digits: what an engine adds up in another order differs behind them, and is no change.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or not math.isfinite(value):
        return "null"
    rounded = float(f"{value:.12g}")
    return str(int(rounded)) if rounded.is_integer() else repr(rounded)


def columns_of(table: Mapping[str, Any]) -> dict[str, list[str]]:
    """Columns of features as columns of traits."""
    return {trait_of(name): [value_of(one) for one in values] for name, values in table.items()}
