"""RFM over the whole base: features as of an instant, scores, and the figures that the page shows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from insights.contracts import FeatureTable
from insights.rfm import scoring
from insights.rfm.contracts import Cell, SegmentRow

FEATURES = ("recency_days", "frequency", "monetary")
TRAITS = ("rfm_segment", "rfm_recency", "rfm_frequency", "rfm_monetary")


def score(table: FeatureTable) -> dict[str, Sequence[Any]]:
    """The traits of everybody in the table, by name."""
    recency, frequency, monetary = (np.asarray(table.columns[name], dtype=np.float64) for name in FEATURES)
    r, f, m = scoring.scores(-recency), scoring.scores(frequency), scoring.scores(monetary)
    told = scoring.segments(r, scoring.value_score(f, m))
    return dict(zip(TRAITS, (told, r.tolist(), f.tolist(), m.tolist()), strict=True))


def figures(table: FeatureTable, traits: dict[str, Sequence[Any]]) -> dict[str, Any]:
    """Counts and medians for the page, in the form that is stored."""
    recency, frequency, monetary = (np.asarray(table.columns[name], dtype=np.float64) for name in FEATURES)
    r, f, m = (np.asarray(traits[name], dtype=np.int64) for name in TRAITS[1:])
    value, names = scoring.value_score(f, m), np.asarray(traits["rfm_segment"], dtype=object)
    cells = [
        {"recency": row, "value": column, "people": int(inside.sum()), "monetary": float(monetary[inside].sum())}
        for row in range(scoring.SCORES, 0, -1)
        for column in range(1, scoring.SCORES + 1)
        for inside in [(r == row) & (value == column)]
    ]
    rows = [
        {
            "name": name, "people": int(inside.sum()), "recency_days": _median(recency[inside]),
            "orders": _median(frequency[inside]), "monetary": _median(monetary[inside]),
        }
        for name in scoring.ADVICE
        for inside in [names == name]
    ]  # fmt: skip
    return {"people": len(table), "cells": cells, "segments": rows}


def cells_of(told: dict[str, Any]) -> list[Cell]:
    """The stored cells."""
    return [
        Cell(one["recency"], one["value"], scoring.segment_of(one["recency"], one["value"]), one["people"],
             one["monetary"])
        for one in told["cells"]
    ]  # fmt: skip


def rows_of(told: dict[str, Any]) -> list[SegmentRow]:
    """The stored segments."""
    people = told["people"] or 1
    return [
        SegmentRow(
            one["name"], scoring.ADVICE[one["name"]], one["people"], one["people"] / people, one["recency_days"],
            one["orders"], one["monetary"],
        )
        for one in told["segments"]
    ]  # fmt: skip


def _median(values: Any) -> float:
    return float(np.median(values)) if len(values) else 0.0
