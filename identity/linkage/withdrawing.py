"""Links that linkage made earlier and that the present data of a changed profile no longer support.

Such a link is withdrawn, and the profile is what its other links make of it: a merge by linkage holds only as long as
the evidence does. A link between the two thresholds stays, so that nobody is joined and parted by turns; what a steward
has asserted is no matched link and stays in any case.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import psycopg

from identity.graph import Pair
from identity.linkage import engine, records
from identity.linkage.model import Model, log_odds
from identity.linkage.pieces import pieces_of


def find_unsupported(cursor: psycopg.Cursor[Any], profile_ids: Collection[int], *, model: Model) -> list[Pair]:
    """The matched links inside these profiles whose two sides would not even be asked about today."""
    pieces = pieces_of(cursor, profile_ids)
    if not pieces.matched:
        return []
    held = engine.Held.of(pieces.records, model)
    counts, base = records.load_counts(cursor, held.terms())
    pairs = np.array(list(pieces.matched.values()), dtype=np.int64)
    scored = engine.weigh(engine.compare_held(held, pairs, model), counts, base=base, model=model)
    below = log_odds(model.review_above)
    return [link for row, link in enumerate(pieces.matched) if scored.weights[row] < below]
