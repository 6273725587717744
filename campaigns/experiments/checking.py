"""Whether an experiment can be run as it is described. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from campaigns.contracts import InvalidExperiment, Metric, Variant

MOST_VARIANTS, MOST_METRICS = 10, 20
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_LONGEST = 200


def read_variants(given: Any) -> tuple[Variant, ...]:
    """The variants of a JSON list, the control first. Raises InvalidExperiment."""
    found = _read(given, Variant, "/variants")
    wrong: dict[str, str] = {}
    for place, one in enumerate(found):
        if not _KEY.fullmatch(one.key):
            wrong[f"/variants/{place}/key"] = "Give small letters, digits, dashes and underscores, 40 at the most."
        if not one.name.strip():
            wrong[f"/variants/{place}/name"] = "Give it a name."
        if not 0 < one.weight <= 1_000_000:
            wrong[f"/variants/{place}/weight"] = "Give a number above zero."
    if not 2 <= len(found) <= MOST_VARIANTS:
        wrong["/variants"] = f"Give 2 to {MOST_VARIANTS} variants, the first of which is what there is today."
    elif len({one.key for one in found}) < len(found):
        wrong["/variants"] = "Two variants have the same key."
    if wrong:
        raise InvalidExperiment(wrong)
    return found


def read_metrics(given: Any) -> tuple[Metric, ...]:
    """The metrics of a JSON list; at least one must decide. Raises InvalidExperiment."""
    found = _read(given, Metric, "/metrics")
    wrong: dict[str, str] = {}
    for place, one in enumerate(found):
        wrong |= {f"/metrics/{place}/{name}": what for name, what in _faults(one)}
    if not 1 <= len(found) <= MOST_METRICS or all(one.guardrail for one in found):
        wrong["/metrics"] = f"Give 1 to {MOST_METRICS} metrics, of which one is no guardrail."
    if wrong:
        raise InvalidExperiment(wrong)
    return found


def _faults(metric: Metric) -> Iterator[tuple[str, str]]:
    for name in ("name", "event"):
        if not 1 <= len(getattr(metric, name).strip()) <= _LONGEST:
            yield name, f"Give a text of 1 to {_LONGEST} characters."
    if metric.kind == "sum" and not metric.property:
        yield "property", "A sum needs the property that is added up."
    if metric.kind == "ratio" and not metric.per:
        yield "per", "A ratio needs the event that it is counted by."
    if metric.cap and not (metric.kind in ("count", "sum") and 50 <= metric.cap < 100):
        yield "cap", "Give a percentile of 50 to 99.99, and only for a count or a sum; 0: no cap."
    if not 0 <= metric.hours <= 24 * 366:
        yield "hours", "Give hours after the first exposure, a year at the most; 0: no limit."


def check_numbers(*, traffic: int, alpha: float, expected: int, correction: str) -> None:
    """Raises InvalidExperiment."""
    wrong = {}
    if not 1 <= traffic <= 100:
        wrong["/traffic"] = "Give a percentage of 1 to 100."
    if not 0.001 <= alpha <= 0.2:
        wrong["/alpha"] = "Give a number of 0.001 to 0.2; 0.05 is usual."
    if not 100 <= expected <= 1_000_000_000:
        wrong["/expected"] = "Give how many people the plan asks for, 100 or more."
    if correction not in ("holm", "benjamini_hochberg"):
        wrong["/correction"] = "Give holm or benjamini_hochberg."
    if wrong:
        raise InvalidExperiment(wrong)


def _read(given: Any, kind: type[Any], where: str) -> tuple[Any, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise InvalidExperiment({where: "Give a list."})
    found, wrong = [], {}
    for place, one in enumerate(given):
        unknown = set(one) - set(kind.__dataclass_fields__) if isinstance(one, Mapping) else set()
        try:
            found.append(msgspec.convert(one, kind))
        except msgspec.ValidationError as error:
            wrong[f"{where}/{place}"] = f"{error}."
        if unknown:
            wrong[f"{where}/{place}"] = f"Unknown: {', '.join(sorted(map(str, unknown)))}."
    if wrong:
        raise InvalidExperiment(wrong)
    return tuple(found)
