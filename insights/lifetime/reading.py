"""What is read for lifetime value: histories, what came in a window, and examples to learn from. None of it is kept."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import psycopg

from common import clock, pg
from insights.contracts import FeatureTable, OrderSetting
from insights.features.compile import compile_came, compile_histories
from insights.features.reading import feature_pieces, features_of
from insights.lifetime.boosting import Boosted, Examples, join_columns
from insights.predictions.encoding import Floats, taken
from insights.predictions.training import fold_of

Ints = npt.NDArray[np.int64]

# Trees learn no more from more; it bounds the memory of a run.
MOST_ROWS = 200_000
_SHARES = 1_000


def histories(orders: OrderSetting, as_of: datetime, profiles: Sequence[int] | None = None) -> Any:
    """Of each customer, or of these, what BG/NBD and Gamma-Gamma ask."""
    from insights.lifetime.valuing import Histories  # loads scipy

    statement = compile_histories(orders=orders, as_of=as_of, profiles=profiles)
    with psycopg.Cursor(pg.raw()) as cursor:
        rows = cursor.execute(statement.text, statement.params).fetchall()
    if not rows:
        return Histories(np.empty(0, dtype=np.int64), *(np.empty(0) for _ in range(4)))
    today: date = as_of.astimezone(ZoneInfo(orders.zone)).date()
    profiles, days, first, last, micros = zip(*rows, strict=True)
    return Histories(
        np.array(profiles, dtype=np.int64), np.array(days, dtype=np.float64),
        np.array([(b - a).days for a, b in zip(first, last, strict=True)], dtype=np.float64),
        np.array([(today - a).days for a in first], dtype=np.float64),
        np.array([float(one) / 1e6 for one in micros], dtype=np.float64),
    )  # fmt: skip


def came(orders: OrderSetting, since: datetime, until: datetime, people: Ints) -> tuple[Floats, Floats]:
    """Days with an order and the net value of each of these people from one instant to another, as known at that."""
    statement = compile_came(orders=orders, as_of=until, since=since)
    with psycopg.Cursor(pg.raw()) as cursor:
        rows = cursor.execute(statement.text, statement.params).fetchall()
    told = {profile: (float(days), float(micros) / 1e6) for profile, days, micros in rows}
    found = np.array([told.get(one, (0.0, 0.0)) for one in people.tolist()], dtype=np.float64).reshape(len(people), 2)
    return found[:, 0], found[:, 1]


def examples(
    names: Sequence[str], windows: Sequence[tuple[datetime, datetime]], *, orders: OrderSetting, share: float,
    step: Callable[[], None],
) -> list[Examples]:  # fmt: skip
    """A row for each customer at the begin of each window, with what came in it as far as was known at its end; of this
    share of the people, always the same. Windows at whose begin there was no customer are left out."""
    found = []
    for starts, ends in windows:
        step()
        parts = [_some(one, share) for one in feature_pieces(names, as_of=starts, orders=orders, buyers=True)]
        if not any(len(one) for one in parts):
            continue
        people = np.concatenate([one.profile_ids for one in parts])
        _, value = came(orders, starts, ends, people)
        size = len(people)
        found.append(
            Examples(
                people, np.full(size, clock.micros(starts)), np.full(size, clock.micros(ends)), value,
                {name: join_columns([one.columns[name] for one in parts]) for name in names},
            )
        )  # fmt: skip
    return found


def share_of(people: int, windows: int) -> float:
    """The share of so many people that is learned from."""
    return min(1.0, MOST_ROWS / max(people * windows, 1))


def expected_of(
    model: Boosted, told: Any, *, as_of: datetime, orders: OrderSetting, otherwise: Floats, step: Callable[[], None]
) -> Floats:  # fmt: skip
    """What the model expects of each customer, read in pieces; `otherwise` of whoever was merged away meanwhile."""
    found = otherwise.copy()
    for piece in feature_pieces(model.features, as_of=as_of, orders=orders, buyers=True):
        step()
        places = np.searchsorted(told.profile_ids, piece.profile_ids)
        places = np.minimum(places, len(told) - 1)
        here = told.profile_ids[places] == piece.profile_ids
        found[places[here]] = model.expected(piece.columns, len(piece))[here]
    return found


def leans_on(
    model: Boosted, profile_ids: Ints, *, as_of: datetime, orders: OrderSetting
) -> list[tuple[str, float]]:  # fmt: skip
    """The features that move these people's values most, with the share of each in all that moves them."""
    table = features_of(model.features, as_of=as_of, profiles=profile_ids.tolist(), orders=orders)
    moved = np.abs(model.effects(table.columns, len(table))[:, :-1]).sum(axis=0)
    whole = float(moved.sum())
    if not whole:
        return []
    return [(model.features[place], float(moved[place]) / whole) for place in np.argsort(-moved, kind="stable")]


def _some(table: FeatureTable, share: float) -> FeatureTable:
    if share >= 1:
        return table
    kept = np.flatnonzero(fold_of(table.profile_ids, _SHARES) < share * _SHARES)
    return FeatureTable(table.as_of, table.profile_ids[kept], taken(table.columns, kept))
