"""The policy of identity: what may be one person. A frozen value with a JSON form. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

from identity.kinds import RECORD_PREFIX, is_person_kind, kind_strength

ISOLATE = "isolate"
KEEP_FIRST = "keep_first"
RULES = ("latest", "source_order", "most_frequent", "first", "union", "longest")


class KindPolicy(NamedTuple):
    """How identifiers of one kind behave.

    `person`: names a person, so it can be the founder of a profile. `max_per_profile`: more of these in one group are
    refused. `max_degree`: an identifier with more neighbours than this is quarantined and connects nothing.
    `isolate`: when one of its links is refused for a limit it counts as shared and gets a profile of its own.
    """

    strength: int
    person: bool
    max_per_profile: int
    max_degree: int
    isolate: bool


class TraitRule(NamedTuple):
    """How claims of one trait are reconciled; `sources` orders the sources for `source_order`, best first."""

    rule: str = "latest"
    sources: tuple[int, ...] = ()


# (max_per_profile, max_degree, isolate). A degree counts neighbours of any kind: a person with many browsers has many,
# so the limits lie far above what one life brings and far below what a leaked constant brings.
_LIMITS: dict[str, tuple[int, int, bool]] = {
    "user_id": (1, 500, False),
    "email": (5, 200, False),
    "phone": (5, 200, False),
    "loyalty_id": (3, 200, False),
    "crm_id": (3, 200, False),
    "device_id": (5, 50, True),
    "push_token": (20, 50, True),
    "anonymous_id": (50, 50, True),
    "previous_id": (50, 50, False),
}
_RECORD_LIMITS = (100, 200, False)
_EXTERNAL_LIMITS = (20, 100, False)

BLOCKED_VALUES = frozenset(
    [
        "null",
        "none",
        "nil",
        "nan",
        "undefined",
        "unknown",
        "anonymous",
        "guest",
        "n/a",
        "na",
        "not_set",
        "unset",
        "empty",
        "missing",
        "test",
        "user",
        "userid",
        "user_id",
        "email",
        "customer",
        "visitor",
        "true",
        "false",
        "0",
        "-1",
        "{}",
        "[]",
        '""',
        "''",
        "null@null.com",
        "none@none.com",
        "test@test.com",
        "test@test.de",
        "test@example.com",
        "test@example.org",
        "test@mail.com",
        "a@a.com",
        "a@b.com",
        "abc@abc.com",
        "foo@bar.com",
        "noemail@noemail.com",
        "no@email.com",
        "noreply@example.com",
        "email@example.com",
        "example@example.com",
        "anonymous@example.com",
        "guest@guest.com",
    ]
) | {"(not set)", "not set", "[object object]"}
BLOCKED_PATTERNS = (r"[0-]*",)
MAX_VALUE_LENGTH = 1_024


def default_kind_policy(kind: str) -> KindPolicy:
    """The limits a kind has unless a policy says otherwise."""
    fallback = _RECORD_LIMITS if kind.startswith(RECORD_PREFIX) else _EXTERNAL_LIMITS
    most, degree, isolate = _LIMITS.get(kind, fallback)
    return KindPolicy(kind_strength(kind), is_person_kind(kind), most, degree, isolate)


@dataclass(frozen=True)
class Policy:
    """One version of the policy. Equal policies give equal partitions of equal links.

    `alias_renames`: let an alias call join two user ids; the older one then no longer counts against the limit.
    `on_conflict`: `isolate` takes shared weak identifiers out, `keep_first` leaves them with their earliest link.
    """

    kinds: Mapping[str, KindPolicy] = field(default_factory=dict)
    blocked_values: frozenset[str] = BLOCKED_VALUES
    blocked_patterns: tuple[str, ...] = BLOCKED_PATTERNS
    on_conflict: str = ISOLATE
    alias_renames: bool = False
    trait_default: TraitRule = TraitRule()
    trait_rules: Mapping[str, TraitRule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.on_conflict not in (ISOLATE, KEEP_FIRST):
            raise ValueError(f"on_conflict must be {ISOLATE} or {KEEP_FIRST}, not {self.on_conflict!r}")
        for rule in (self.trait_default, *self.trait_rules.values()):
            if rule.rule not in RULES:
                raise ValueError(f"unknown trait rule {rule.rule!r}; choose one of {', '.join(RULES)}")
        for pattern in self.blocked_patterns:
            re.compile(pattern)

    @cached_property
    def _by_kind(self) -> dict[str, KindPolicy]:
        return dict(self.kinds)

    @cached_property
    def _blocked(self) -> re.Pattern[str] | None:
        if not self.blocked_patterns:
            return None
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.blocked_patterns))

    def of(self, kind: str) -> KindPolicy:
        """The limits of one kind."""
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = default_kind_policy(kind)
        return found

    def blocks(self, value: str) -> bool:
        """Whether a value says nothing about who somebody is."""
        if value.lower() in self.blocked_values or len(value) > MAX_VALUE_LENGTH or value.isspace():
            return True
        pattern = self._blocked
        return pattern is not None and pattern.fullmatch(value) is not None

    def trait_rule(self, key: str) -> TraitRule:
        """How claims of this trait are reconciled."""
        return self.trait_rules.get(key, self.trait_default)

    def with_kind(self, kind: str, **changes: Any) -> Self:
        """The same policy with other limits for one kind."""
        return replace(self, kinds={**self.kinds, kind: self.of(kind)._replace(**changes)})

    def to_json(self) -> dict[str, Any]:
        """The stored form; `from_json` gives the equal policy back."""
        return {
            "kinds": {kind: dict(limits._asdict()) for kind, limits in sorted(self.kinds.items())},
            "blocked_values": sorted(self.blocked_values),
            "blocked_patterns": list(self.blocked_patterns),
            "on_conflict": self.on_conflict,
            "alias_renames": self.alias_renames,
            "trait_default": _rule_json(self.trait_default),
            "trait_rules": {key: _rule_json(rule) for key, rule in sorted(self.trait_rules.items())},
        }

    def changed(self, spec: Mapping[str, Any]) -> Self:
        """This policy with the settings that `spec` names; kinds and trait rules are changed one by one."""
        present = self.to_json()
        merged = {**present, **spec}
        for part in ("kinds", "trait_rules"):
            if isinstance(spec.get(part), Mapping):
                merged[part] = {**present[part], **spec[part]}
        return self.from_json(merged)

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> Self:
        """Read the stored form. What is left out keeps its default, also inside one kind. Raises ValueError."""
        strange = set(spec) - set(cls().to_json())
        if strange:
            raise ValueError(f"unknown policy settings: {', '.join(sorted(map(str, strange)))}")
        try:
            return cls(
                kinds={kind: _kind(kind, limits) for kind, limits in spec.get("kinds", {}).items()},
                blocked_values=frozenset(str(v).lower() for v in spec.get("blocked_values", BLOCKED_VALUES)),
                blocked_patterns=tuple(spec.get("blocked_patterns", BLOCKED_PATTERNS)),
                on_conflict=spec.get("on_conflict", ISOLATE),
                alias_renames=bool(spec.get("alias_renames", False)),
                trait_default=_rule(spec.get("trait_default", {})),
                trait_rules={key: _rule(rule) for key, rule in spec.get("trait_rules", {}).items()},
            )
        except (TypeError, AttributeError, re.error) as error:
            raise ValueError(f"this is not a policy: {error}") from error


def _kind(kind: str, limits: Mapping[str, Any]) -> KindPolicy:
    policy = default_kind_policy(kind)._replace(**limits)
    for name, least in (("strength", 0), ("max_per_profile", 1), ("max_degree", 1)):
        if not isinstance(getattr(policy, name), int) or getattr(policy, name) < least:
            raise ValueError(f"{kind}: {name} must be a whole number from {least} on")
    return policy._replace(person=bool(policy.person), isolate=bool(policy.isolate))


def _rule(spec: Mapping[str, Any]) -> TraitRule:
    return TraitRule(spec.get("rule", "latest"), tuple(int(s) for s in spec.get("sources", ())))


def _rule_json(rule: TraitRule) -> dict[str, Any]:
    return {"rule": rule.rule, "sources": list(rule.sources)}
