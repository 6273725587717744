"""What stewards decided, and what waits for them."""

import json
from collections.abc import Iterable

from identity.contracts import DecisionView, IdentifierView, ReviewPairView
from identity.models import Decision, ReviewPair
from identity.selectors.profiles import current_ids
from identity.selectors.reading import fetch, identifiers_by_id


def decisions(profile_id: int | None = None, *, kind: str | None = None, limit: int = 200) -> list[DecisionView]:
    """Decisions, newest first; of one profile: those that named it or an id that answers as it now."""
    rows = Decision.objects.order_by("-id")
    if kind is not None:
        rows = rows.filter(kind=kind)
    if profile_id is not None:
        rows = rows.filter(profile_ids__overlap=_answering_as(profile_id))
    return [
        DecisionView(
            row.pk, row.kind, tuple(row.profile_ids), row.by, row.reason, row.made_at, row.undone_at, row.undone_by
        )
        for row in rows[:limit]
    ]


def _answering_as(profile_id: int) -> list[int]:
    rows = fetch(
        "select m.id from identity_identifier named join identity_identifier m on m.profile_id = named.profile_id"
        " where named.id = %(id)s",
        {"id": profile_id},
    )
    return [row[0] for row in rows] or [profile_id]


def review_queue(
    state: str = "open", *, limit: int = 50, after: tuple[float, int] | None = None
) -> list[ReviewPairView]:
    """Pairs in one state, the likeliest first; `after` is the (probability, id) of the last one seen."""
    rows = fetch(
        "select id, a, b, probability, weights::text, state, created_at, decided_by, decided_at"
        " from identity_reviewpair where state = %(state)s"
        " and (%(after_p)s::float8 is null or (-probability, id) > (-%(after_p)s::float8, %(after_id)s::bigint))"
        " order by probability desc, id limit %(limit)s",
        {"state": state, "limit": limit, "after_p": after and after[0], "after_id": after and after[1]},
    )
    return _pairs(ReviewPair(**dict(zip(_COLUMNS, row, strict=True))) for row in rows)


_COLUMNS = ("id", "a", "b", "probability", "weights", "state", "created_at", "decided_by", "decided_at")


def review_pairs_between(a_profile: int, b_profile: int) -> list[ReviewPairView]:
    """The pairs in any state that are about these two profiles, the likeliest first; retired ids are followed."""
    rows = fetch(_BETWEEN, {"a": a_profile, "b": b_profile})
    return _pairs(ReviewPair(**dict(zip(_COLUMNS, row, strict=True))) for row in rows)


_BETWEEN = """
with ends as (
    select m.id, named.id = %(a)s as first from identity_identifier named
    join identity_identifier m on m.profile_id = named.profile_id where named.id in (%(a)s, %(b)s)
)
select r.id, r.a, r.b, r.probability, r.weights::text, r.state, r.created_at, r.decided_by, r.decided_at
from ends x join identity_reviewpair r on r.a = x.id join ends y on y.id = r.b and x.first <> y.first
order by r.probability desc, r.id limit 20
"""


def review_pair(pair_id: int) -> ReviewPairView | None:
    """One pair of the queue."""
    found = _pairs(ReviewPair.objects.filter(pk=pair_id))
    return found[0] if found else None


def _pairs(rows: Iterable[ReviewPair]) -> list[ReviewPairView]:
    rows = list(rows)
    ends = {end for row in rows for end in (row.a, row.b)}
    named, profile = identifiers_by_id(ends), current_ids(ends)
    return [_pair(row, named, profile) for row in rows if row.a in named and row.b in named]


def _pair(row: ReviewPair, named: dict[int, IdentifierView], profile: dict[int, int]) -> ReviewPairView:
    return ReviewPairView(
        id=row.pk, a=named[row.a], b=named[row.b], a_profile=profile[row.a], b_profile=profile[row.b],
        probability=row.probability, weights=_weights(row.weights), state=row.state, created_at=row.created_at,
        decided_by=row.decided_by, decided_at=row.decided_at,
    )  # fmt: skip


def _weights(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value
