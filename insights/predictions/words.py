"""Predictions and scores in words. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from events.contracts import spoken
from insights.features.contracts import Feature
from insights.predictions.contracts import Meter, PredictionSpec, Reason
from insights.predictions.encoding import Encoder, Floats

_SHOWN = 3
# Below this a feature moves the odds by less than a twentieth: it is no reason.
_LEAST_EFFECT = 0.05


def told(spec: PredictionSpec, segment: str) -> str:
    """What is predicted, in a sentence. `segment`: the name of the one whose members it is about, if it is."""
    filters = f" ({len(spec.where)} filter{'s' if len(spec.where) > 1 else ''})" if spec.where else ""
    verb = "do" if spec.goal == "does" else "not do"
    whom = f"members of {segment}" if spec.segment else "people"
    active = f" who did it in the last {spec.active_days} days" if spec.active_days else ""
    return f"Which {whom}{active} will {verb} “{spoken(spec.event)}”{filters} within {spec.days} days"


def meter(
    spec: PredictionSpec, *, people: int, positives: int, history_days: int, least: int, segment_missing: str = "",
    looked_at: int = 0,
) -> Meter:  # fmt: skip
    """Whether there is enough to learn from. The window that is looked at is the newest that has closed.
    `segment_missing`: the name of a segment that had no members then. `looked_at`: the numbers are by the share of so
    many people; 0 when everybody was looked at."""
    negatives, days = people - positives, spec.days
    did, not_did = ("did it", "did not") if spec.goal == "does" else ("did not do it", "did it")
    lines = [
        (f"People who {did} in the last {days} days", f"{positives:,}", f"{least}", positives >= least),
        (f"People who {not_did}", f"{negatives:,}", f"{least}", negatives >= least),
        ("Days of history", f"{history_days:,}", f"{days + 1}; {3 * days} for validation by time", history_days > days),
    ]
    by = f" Estimated from {looked_at:,} people; training counts everybody." if looked_at else ""
    missing = [
        f"{got} of {least} people who {who}"
        for who, got in ((did, positives), (not_did, negatives)) if got < least
    ]  # fmt: skip
    if history_days <= days:
        missing.append(f"{history_days} of {days + 1} days of history")
    if missing:
        why = (
            f" Nobody was in {segment_missing} {days} days ago: it is younger than that, or empty." if segment_missing
            else " Nothing had come by then: name sources that were loaded later as history, on the page Orders."
            if people == 0 and history_days > days
            else " Choose a longer window, an event that happens more often, or wait."
        )  # fmt: skip
        return Meter(False, f"Not enough data: {', '.join(missing)}.{why}{by}", lines, people, positives)
    short = "" if history_days >= 3 * days else (
        f" History is short of {3 * days} days, so it will be validated on other people instead of on a later time."
    )  # fmt: skip
    return Meter(
        True, f"Enough to learn from: {positives:,} of {people:,} people {did} in the last {days} days.{short}{by}",
        lines, people, positives,
    )  # fmt: skip


def reasons(
    names: Sequence[str], values: Mapping[str, Any], effects: Floats, features: Mapping[str, Feature], encoder: Encoder
) -> list[Reason]:
    """What each feature adds to one score, the strongest first. A text that few people have is not repeated."""
    stored = dict(zip(encoder.features, encoder.values, strict=True))
    found = []
    for name, effect in zip(names, effects.tolist(), strict=False):
        feature, value = features.get(name), values[name]
        title = feature.title if feature else name
        common = stored[name]
        if common is not None and value is not None and value not in common:
            value = "another value"
        if isinstance(value, float):
            value = None if value != value else float(value)
        found.append(Reason(name, title, value, float(effect), f"{title}: {_value(value, feature)}"))
    return sorted(found, key=lambda one: -abs(one.effect))


def sentence(found: Sequence[Reason]) -> str:
    """The strongest reasons in a sentence."""
    strong = [one for one in found if abs(one.effect) >= _LEAST_EFFECT][:_SHOWN]
    if not strong:
        return "Nothing sets this person apart from the average."
    raised = "; ".join(one.words for one in strong if one.effect > 0)
    lowered = "; ".join(one.words for one in strong if one.effect < 0)
    parts = [f"{word} by {told}" for word, told in (("raised", raised), ("lowered", lowered)) if told]
    return _first_up(f"{', and '.join(parts)}.")


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]


def _value(value: Any, feature: Feature | None) -> str:
    if value is None:
        return "not known"
    if isinstance(value, str):
        return value
    unit = f" {feature.unit}" if feature and feature.unit and feature.unit != "money" else ""
    return f"{value:,.0f}{unit}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}{unit}"
