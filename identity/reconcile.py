"""From claims to traits: one rule per key. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from identity import consents
from identity.contracts import COMPUTED_SOURCE
from identity.policy import Policy, TraitRule


class Claim(NamedTuple):
    """What one source said of one identifier; `value` is canonical JSON text."""

    key: str
    value: str
    at_us: int
    tiebreak: int
    source_id: int
    identifier_id: int


class Reconciled(NamedTuple):
    """A trait's value and the claim it came from (for `union` the latest that contributed)."""

    value: str
    winner: Claim


# Records of consent come as claims (view `identity_said`): explicit words have a tiebreak of 2 and more.
EXPLICIT = 2
_YES_NO = ("true", "false")


def _recency(claim: Claim) -> tuple[int, int, int, str]:
    """Content only: of two claims with equal times the answer must not depend on which row came first."""
    return (claim.at_us, claim.tiebreak, claim.source_id, claim.value)


def _latest(claims: Sequence[Claim], _rule: TraitRule) -> Claim:
    return max(claims, key=_recency)


def _first(claims: Sequence[Claim], _rule: TraitRule) -> Claim:
    return min(claims, key=_recency)


def _longest(claims: Sequence[Claim], _rule: TraitRule) -> Claim:
    return max(claims, key=lambda claim: (len(claim.value), _recency(claim)))


def _source_order(claims: Sequence[Claim], rule: TraitRule) -> Claim:
    rank = {source: -place for place, source in enumerate(rule.sources)}
    return max(claims, key=lambda claim: (rank.get(claim.source_id, -len(rank)), _recency(claim)))


def _most_frequent(claims: Sequence[Claim], _rule: TraitRule) -> Claim:
    votes = Counter(claim.value for claim in claims)
    return max(claims, key=lambda claim: (votes[claim.value], _recency(claim)))


_CHOOSE: dict[str, Callable[[Sequence[Claim], TraitRule], Claim]] = {
    "latest": _latest,
    "first": _first,
    "longest": _longest,
    "source_order": _source_order,
    "most_frequent": _most_frequent,
    "union": _latest,
}


def reconcile_key(claims: Sequence[Claim], rule: TraitRule) -> Reconciled:
    """The value of one trait, from all claims of its key. What was computed here holds over what anybody says."""
    computed = [claim for claim in claims if claim.source_id == COMPUTED_SOURCE]
    if computed:
        latest = max(computed, key=_recency)
        return Reconciled(latest.value, latest)
    winner = claims[0] if len(claims) == 1 else _CHOOSE[rule.rule](claims, rule)
    return Reconciled(_union(claims) if rule.rule == "union" else winner.value, winner)


def reconcile(claims: Iterable[Claim], policy: Policy) -> dict[str, Reconciled]:
    """The traits of one profile from the claims of its identifiers, whatever their order."""
    by_key: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_key[claim.key].append(claim)
    found = {key: reconcile_key(of_key, policy.trait_rule(key)) for key, of_key in by_key.items()}
    for key in [key for key in by_key if key.startswith(consents.PREFIX)]:
        consent = _consent(key, by_key)
        if consent is not None:
            found[key] = consent
    return found


def _consent(key: str, by_key: Mapping[str, Sequence[Claim]]) -> Reconciled | None:
    """The answer to a purpose, which no policy decides; None for a trait that only has the name of one."""
    purpose, channel = consents.purpose_and_channel(key)
    # What was computed is no choice, whatever its name.
    said = [claim for claim in by_key[key] if claim.value in _YES_NO and claim.source_id != COMPUTED_SOURCE]
    if not said:
        return None
    words = [_word(claim, channel) for claim in said]
    general = by_key.get(consents.trait_of(purpose), ()) if channel else ()
    words += [
        _word(claim, consents.ALL_CHANNELS)
        for claim in general
        if claim.value in _YES_NO and claim.source_id != COMPUTED_SOURCE
    ]
    value = "true" if consents.answer(words, channel) else "false"
    of_it = [claim for claim in (*said, *general) if claim.value == value]
    return Reconciled(value, max(of_it or said, key=_recency))


def _word(claim: Claim, channel: str) -> consents.Word:
    return consents.Word(channel, claim.value == "true", claim.tiebreak >= EXPLICIT, claim.at_us)


def traits_json(claims: Iterable[Claim], policy: Policy) -> str:
    """The traits of one profile as a JSON object; values are passed through, never parsed (but for `union`)."""
    reconciled = reconcile(claims, policy)
    return "{" + ",".join(f"{_quoted(key)}:{trait.value}" for key, trait in sorted(reconciled.items())) + "}"


@lru_cache(maxsize=4_096)
def _quoted(key: str) -> str:
    return json.dumps(key)


def _union(claims: Iterable[Claim]) -> str:
    """All distinct values as one list; lists contribute their elements."""
    elements: set[str] = set()
    for claim in claims:
        value = json.loads(claim.value)
        for element in value if isinstance(value, list) else [value]:
            elements.add(json.dumps(element, sort_keys=True, ensure_ascii=False))
    return "[" + ",".join(sorted(elements)) + "]"


_SAYS_NOTHING = frozenset(
    {"", "null", "none", "nan", "undefined", "n/a", "(not set)", "[object object]", "unknown", "-"}
)


def says_nothing(value_json: bytes) -> bool:
    """Whether a claimed value is empty or a placeholder: such a claim never overwrites what is known."""
    if len(value_json) > 24:
        return not value_json.strip(b'" \t\r\n')
    if value_json[:1] == b'"':
        return value_json[1:-1].strip().lower().decode("utf-8", "replace") in _SAYS_NOTHING
    return value_json.strip() in (b"null", b"[]", b"{}", b"")
