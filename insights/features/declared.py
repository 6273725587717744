"""Features that people here declare: a measure of the events of one name within a window, or a trait as it was told.

A declaration is data: it is compiled from parts written here, and every word of it travels as a parameter.
"""

import re

from identity.contracts import CONSENT_PREFIX
from insights.features.catalogue import BUILT_IN
from insights.features.contracts import BadFeature, DeclaredView, Feature

MEASURES = {
    "count": "how often",
    "sum": "sum of a property",
    "mean": "mean of a property",
    "least": "least of a property",
    "greatest": "greatest of a property",
    "distinct": "different values of a property",
    "latest": "latest value of a property",
    "days_since": "days since the last",
    "trait": "a trait, as identify calls told it",
    "sentiment": "sentiment of a property with text, English only",
    "trait_sentiment": "sentiment of a trait with text, English only",
}
# Of traits, as identify calls told them; the others are of events.
OF_TRAITS = ("trait", "trait_sentiment")
# Numbers that are made of texts, and written as traits too.
OF_TEXTS = ("sentiment", "trait_sentiment")
# Over the rows of one declared feature: (type, SQL, value of somebody without any).
_SQL: dict[str, tuple[str, str, float | None]] = {
    "count": ("number", "count(*) filter (where {rows})", 0),
    "sum": ("number", "coalesce(sum(number) filter (where {rows}), 0)", 0),
    # Not avg(): PostgreSQL keeps a sum of squares for it, and numbers of 1e155 and more end the statement.
    "mean": (
        "number",
        "sum(number) filter (where {rows}) / nullif(count(number) filter (where {rows}), 0)",
        None,
    ),
    "least": ("number", "min(number) filter (where {rows})", None),
    "greatest": ("number", "max(number) filter (where {rows})", None),
    "distinct": ("number", "count(distinct text) filter (where {rows} and text is not null)", 0),
    "latest": ("text", "{{latest case when {rows} then text end}}", None),
    "days_since": ("number", "{{ago max(moment) filter (where {rows})}}", None),
    "trait": ("text", "{{latest case when {rows} then text end}}", None),
    "sentiment": ("number", "{{texts case when {rows} then text end}}", None),
    "trait_sentiment": ("number", "{{text case when {rows} then text end}}", None),
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_LONGEST_DAYS = 3650
IDENTIFY = "$identify"


def expect_name(name: str) -> None:
    """Raises BadFeature when no feature can be called that."""
    if not _NAME.fullmatch(name):
        raise BadFeature("name: small letters, digits and _ only, beginning with a letter; at most 60.")
    if name in BUILT_IN:
        raise BadFeature(f"name: {name} comes with the product; choose another.")
    if name.startswith(CONSENT_PREFIX):
        raise BadFeature(f"name: {CONSENT_PREFIX}… is what people chose themselves; choose another.")


def expect_measure(*, measure: str, event: str, property: str, window_days: int | None) -> None:
    """Raises BadFeature when this measures nothing."""
    if measure not in OF_TRAITS and not event:
        raise BadFeature("event: name the event that is measured.")
    if measure not in ("count", "days_since") and not property:
        raise BadFeature("property: name what is measured.")
    if window_days is not None and not 1 <= window_days <= _LONGEST_DAYS:
        raise BadFeature(f"window_days: between 1 and {_LONGEST_DAYS}, or nothing for all time.")


def feature_of(view: DeclaredView) -> Feature:
    """The declaration as a feature. Its relation is its own: `declared:<name>`."""
    kind, sql, empty = _SQL[view.measure]
    window = "moment >= {since}" if view.window_days else "true"
    return Feature(
        name=view.name, title=view.title or view.name, description=view.description, relation=f"declared:{view.name}",
        sql=sql.format(rows=window), type=kind, window_days=view.window_days,
        owner=view.owner, empty=empty, skewed=view.measure in ("count", "sum", "distinct"),
        texts=view.measure in OF_TEXTS,
    )  # fmt: skip
