"""A trained model and a run with figures as a base of some thousand people gives them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from cdp.pipeline.follow import follow_moves
from common import pg, turns
from identity import selectors as identity
from identity.models import BulkRun, LinkageModel
from identity.services import Match, link_matches
from identity.services.settle import run_after

# Pairs in each twentieth of probability: unlike ones below, certain ones above, little between.
HISTOGRAM = [9140, 2210, 1180, 742, 513, 388, 301, 262, 214, 190, 178, 165, 171, 188, 203, 240, 322, 481, 905, 5317]
STEPS = [round(0.05 * n, 2) for n in range(1, 20)] + [0.99]


def figures(profiles: Sequence[int]) -> dict[str, Any]:
    """Everything that training tells of a model; the examples are about these profiles."""
    a, b = profiles[:2]
    return {
        "expected": {"matches": 7480.2, "threshold": 0.4731, "precision": 0.9312, "recall": 0.8904, "f1": 0.9103},
        "histogram": [[round(n * 0.05, 2), round((n + 1) * 0.05, 2), pairs] for n, pairs in enumerate(HISTOGRAM)],
        "curve": [_at(step) for step in STEPS],
        "unlinkable": [[step, round(0.004 + 0.06 * step**3, 4)] for step in STEPS],
        "records": 24_310, "candidates": 188_402, "people": 17_902,
        "added": 412, "removed": 38, "changed": 301,
        "examples": {"added": [[min(a, b), max(a, b), 0.9731]], "removed": [[min(a, b), max(a, b), 0.3121]]},
        "graded": {
            "pairs": 64, "precision": 0.8864, "precision_low": 0.7601, "precision_high": 0.9505,
            "recall": 0.8298, "recall_low": 0.6986, "recall_high": 0.9112,
        },
    }  # fmt: skip


def _at(step: float) -> list[float]:
    pairs = sum(HISTOGRAM[round(step * 20) :]) if step < 0.99 else 4102
    return [step, pairs, round(pairs * 0.86), round(0.86 + 0.14 * step, 4), round(1.0 - 0.5 * step**2, 4)]


def trained_model(profiles: Sequence[int], *, now: datetime, **more: Any) -> int:
    """One stored model; not live."""
    start = identity.linkage_model(0)
    assert start is not None
    aliases = [["bob", "robert"], ["lena", "magdalena"]]
    spec = {**start.spec, "link_above": 0.4731, "review_above": 0.0946, "aliases": aliases}
    row = LinkageModel.objects.create(
        spec=spec, created_at=now - timedelta(hours=3), created_by="steward@example.org",
        **{"figures": figures(profiles), **more},
    )  # fmt: skip
    return int(row.version)


def applied_run(profiles: Sequence[int], *, now: datetime, **more: Any) -> int:
    """One run that linked with the start values, done an hour ago."""
    row = BulkRun.objects.create(
        **{
            "kind": "apply", "state": "done", "model_version": 0, "previous_version": 0, "figures": figures(profiles),
            "stages": {"read": 3.2, "block": 5.9, "compare": 14.1, "score": 8.4, "write": 2.6},
            "requested_by": "admin@example.org", "requested_at": now - timedelta(hours=1),
            "started_at": now - timedelta(minutes=59), "finished_at": now - timedelta(minutes=58), **more,
        }
    )  # fmt: skip
    return int(row.pk)


EVIDENCE = {
    "model": 1, "weight": 8.64, "probability": 0.9975, "instead": "twins",
    "words": "for it: surname exact, birth date exact; against it: given similar",
    "parts": [
        {"field": "prior", "level": "one person, or twins", "bits": 4.3219},
        {"field": "given", "level": "similar", "bits": -2.0004},
        {"field": "surname", "level": "exact", "bits": -0.2003},
        {"field": "birth_date", "level": "exact", "bits": -0.1004},
        {"field": "phone", "level": "exact", "bits": 1.1805},
        {"field": "email", "level": "same mailbox name", "bits": 6.1242},
        {"field": "other explanations", "level": "strangers, two of one household", "bits": -0.6855},
    ],
}  # fmt: skip


def join_by_likeness(a: int, b: int, *, now: datetime, probability: float = 0.9975) -> None:
    """Linkage joins two profiles, and keeps why."""
    with transaction.atomic():
        conn = pg.raw()
        turns.take(conn, "linkage")
        match = Match(min(a, b), max(a, b), probability, json.dumps(EVIDENCE))
        settled = link_matches(conn, matches=[match], basis="linkage", now=now)
        run_after(follow_moves, conn, settled)
