"""Why two people are not one, in plain sentences. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cdp.web import compare
from identity.contracts import LinkView, ReviewPairView, Why


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a headline, a sentence, and what it is about, if it is a link or a weighed pair."""

    icon: str
    headline: str
    text: str
    link: LinkView | None = None
    pair: ReviewPairView | None = None
    weights: Sequence[compare.Weight] = ()
    verdict: compare.Verdict | None = None


def apart(
    found: Why | None, taken_back: Iterable[LinkView], pairs: Iterable[ReviewPairView], *, ask_from: float
) -> list[Reason]:
    """All that keeps two profiles apart: what people said first, then the policy, then likeness. Never empty."""
    reasons = [
        *(_ban(by, reason) for _, _, by, reason in (found.cannot_links if found else ())),
        *(_refused(link) for link in (found.refused if found else ())),
        *(_taken_back(link) for link in taken_back),
        *(_weighed(pair) for pair in pairs),
    ]
    return reasons or [_never(ask_from)]


def _ban(by: str, reason: str) -> Reason:
    because = f", and why: {reason}." if reason and reason != "no_match" else "."
    return Reason("ban", "A steward keeps them apart", f"{by or 'Somebody'} said that they are two people{because}")


def _refused(link: LinkView) -> Reason:
    return Reason("ban", "The identity policy refuses the link between them", link.refused_because, link=link)


def _taken_back(link: LinkView) -> Reason:
    because = f" The reason given: {link.retracted_reason}." if link.retracted_reason else ""
    return Reason(
        "link-off", "A link between them was taken back",
        f"{link.retracted_by or 'Somebody'} took it back.{because}", link=link,
    )  # fmt: skip


def _weighed(pair: ReviewPairView) -> Reason:
    headline, text = _VERDICTS[pair.state if pair.state in _VERDICTS else "open"]
    stored: Any = pair.weights if isinstance(pair.weights, dict) else {}
    told = text.format(chance=f"{pair.probability * 100:.0f} %", by=pair.decided_by or "a steward")
    return Reason(
        "scale", headline, told, pair=pair, weights=compare.weights(stored), verdict=compare.verdict(stored)
    )  # fmt: skip


_VERDICTS = {
    "open": (
        "They are alike, but not surely one person",
        "By what is known it is {chance} likely that they are one person. That is too little to join them by itself "
        "and enough to ask. Nobody has decided yet.",
    ),
    "no_match": (
        "They were compared and judged", "{by} looked at them and said: not a match. The model had given {chance}."
    ),
    "unsure": (
        "They were compared, and the steward was unsure", "{by} could not tell. The model had given {chance}."
    ),
    "match": (
        "They were judged to be one person, and are not joined",
        "{by} said: a match; the link that this made does not hold any more. The model had given {chance}.",
    ),
}  # fmt: skip


def _never(ask_from: float) -> Reason:
    return Reason(
        "circle-dashed", "Nothing brings them together",
        "No event carried both, nobody has joined them, and record linkage keeps nothing about the two. It compares "
        "people who share something telling, such as a telephone number, a mailbox, or name and date of birth. Either "
        f"these two share nothing of the kind, or it came out below {ask_from * 100:.0f} % likely.",
    )  # fmt: skip
