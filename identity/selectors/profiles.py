"""Profiles, by id, by identifier and by search."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from common import clock
from common.pg import from_jsonb
from identity.consents import PREFIX
from identity.contracts import (
    COMPUTED_SOURCE,
    IdentifierKey,
    IdentifierView,
    ProfileSummary,
    ProfileView,
    TraitCandidate,
    TraitProvenance,
)
from identity.kinds import IDENTIFIER_KINDS
from identity.policy import TraitRule
from identity.reconcile import Claim, Reconciled, reconcile
from identity.selectors.policies import policy_in_force
from identity.selectors.reading import fetch, identifiers_by_id, identifiers_of
from identity.standardise import standardise

# A profile's times: when its founding identifier was first seen, and when its traits last changed.
_PROFILES = """
select p.id, p.traits::text, i.first_seen_at, greatest(p.updated_at, i.first_seen_at)
from identity_profile p join identity_identifier i on i.id = p.id
"""
_BY_ID = _PROFILES + " where p.id = any(%(ids)s::bigint[])"
_PAGE = _PROFILES + " where p.id > %(after)s order by p.id limit %(limit)s"

# Kinds are few: with them named, a prefix is one index range per kind.
_KINDS = """
with recursive k (kind) as (
    (select kind from identity_identifier order by kind limit 1)
    union all
    select (select i.kind from identity_identifier i where i.kind > k.kind order by i.kind limit 1) from k
    where k.kind is not null
) select kind from k where kind is not null
"""
_NAME = (
    "concat_ws(' ', "
    + ", ".join(
        f"p.traits->>'{key}'"
        for key in (
            "name",
            "fullName",
            "full_name",
            "first_name",
            "firstName",
            "last_name",
            "lastName",
            "email",
            "company",
        )
    )
    + ")"
)
_SEARCH = f"""
with found as (
    (select distinct profile_id as id from identity_identifier
     where kind = any(%(kinds)s::text[]) and (value like %(prefix)s or value like %(folded)s)
       and profile_id > %(after)s
     order by 1 limit %(limit)s)
    union
    (select profile_id from identity_identifier where id = %(number)s and profile_id > %(after)s)
    union
    (select p.id from identity_profile p where p.id > %(after)s and {_NAME} ilike %(inside)s
     order by p.id limit %(limit)s)
)
{_PROFILES} join found on found.id = p.id order by p.id limit %(limit)s
"""


def current_ids(ids: Collection[int]) -> dict[int, int]:
    """The profile that answers for each id now: a retired id is followed to its survivor; unknown ids are left out."""
    return dict(
        fetch("select id, profile_id from identity_identifier where id = any(%(ids)s::bigint[])", {"ids": sorted(ids)})
    )


def _views(rows: Sequence[tuple[Any, ...]]) -> list[ProfileView]:
    identifiers = identifiers_of([row[0] for row in rows])
    return [_view(row, identifiers[row[0]]) for row in rows]


def _view(row: tuple[Any, ...], identifiers: Sequence[IdentifierView]) -> ProfileView:
    profile_id, traits, created_at, updated_at = row
    others = tuple(one.id for one in identifiers if one.id != profile_id)
    return ProfileView(profile_id, tuple(identifiers), from_jsonb(traits), others, created_at, updated_at)


def profiles_by_id(ids: Collection[int]) -> dict[int, ProfileView]:
    """Profiles by the id asked for; a retired id answers with its survivor, an unknown one is left out."""
    answers = current_ids(ids)
    rows = fetch(_BY_ID, {"ids": sorted(set(answers.values()))})
    views = {view.id: view for view in _views(rows)}
    return {asked: views[current] for asked, current in answers.items() if current in views}


def profile_view(profile_id: int) -> ProfileView | None:
    """One profile; a retired id answers with its survivor. `merged_from` are the other ids that answer here."""
    return profiles_by_id([profile_id]).get(profile_id)


def find_profile(kind: str, value: str) -> int | None:
    """The profile that has this identifier; the value must be canonical."""
    rows = fetch(
        "select profile_id from identity_identifier where kind = %(kind)s and value = %(value)s",
        {"kind": kind, "value": value},
    )
    return rows[0][0] if rows else None


def find_identifiers(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The ids of identifiers by (kind, value as somebody wrote it); those that nobody has are left out."""
    canonical = {(kind, value): standardise(kind, value) for kind, value in keys}
    wanted = sorted({(kind, value) for (kind, _), value in canonical.items() if value is not None})
    rows = fetch(
        "select i.kind, i.value, i.id from identity_identifier i"
        " join unnest(%(kinds)s::text[], %(values)s::text[]) as w (kind, value) using (kind, value)",
        {"kinds": [kind for kind, _ in wanted], "values": [value for _, value in wanted]},
    )
    ids = {(kind, value): identifier for kind, value, identifier in rows}
    found = {key: ids.get((key[0], value)) for key, value in canonical.items() if value is not None}
    return {key: identifier for key, identifier in found.items() if identifier is not None}


def identifiers_named(ids: Collection[int]) -> dict[int, IdentifierKey]:
    """What the identifiers with these ids are; unknown ids are left out."""
    return {number: _key(one) for number, one in identifiers_by_id(ids).items()}


def identifier_ids(profile_id: int) -> list[int]:
    """The ids of all identifiers of a profile, which is where its events hang; retired ids are followed."""
    rows = fetch(
        "select m.id from identity_identifier named join identity_identifier m on m.profile_id = named.profile_id"
        " where named.id = %(id)s order by m.id",
        {"id": profile_id},
    )
    return [row[0] for row in rows]


def profiles_page(search: str | None = None, after_id: int | None = None, limit: int = 50) -> list[ProfileSummary]:
    """Profiles in order of id, after `after_id`; with `search`, those with an identifier that begins so, whose name
    or email contains it, or whose id it is."""
    text = (search or "").strip()
    if not text:
        rows = fetch(_PAGE, {"after": after_id or 0, "limit": limit})
    else:
        rows = fetch(_SEARCH, _search_parameters(text, after_id or 0, limit))
    return [
        ProfileSummary(view.id, view.traits, view.identifiers, view.created_at, view.updated_at)
        for view in _views(rows)
    ]


def _search_parameters(text: str, after: int, limit: int) -> dict[str, Any]:
    plain = text.replace("\x00", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1
    kinds = [row[0] for row in fetch(_KINDS)] or list(IDENTIFIER_KINDS)
    return {
        "kinds": kinds, "prefix": f"{plain}%", "folded": f"{plain.lower()}%", "inside": f"%{plain}%",
        "number": number, "after": after, "limit": limit,
    }  # fmt: skip


_CLAIMS = """
select c.key, c.value::text, (extract(epoch from c.observed_at) * 1000000)::bigint, c.tiebreak, c.source_id,
       c.identifier_id, c.observed_at
from identity_identifier named
join identity_identifier i on i.profile_id = named.profile_id
join identity_said c on c.identifier_id = i.id
where named.id = %(id)s order by c.key
"""


def provenance(profile_id: int) -> list[TraitProvenance]:
    """Each trait with the claim that won, the rule that chose it, and the claims that did not."""
    rows = fetch(_CLAIMS, {"id": profile_id})
    named = identifiers_by_id({row[5] for row in rows})
    policy = policy_in_force()
    by_key: dict[str, list[tuple[Claim, datetime]]] = {}
    for row in rows:
        by_key.setdefault(row[0], []).append((Claim._make(row[:6]), row[6]))
    reconciled = reconcile([claim for claims in by_key.values() for claim, _ in claims], policy)
    return [
        _provenance(key, claims, policy.trait_rule(key), reconciled[key], named)
        for key, claims in sorted(by_key.items())
    ]


def _provenance(
    key: str, claims: Sequence[tuple[Claim, datetime]], rule: TraitRule, reconciled: Reconciled,
    named: dict[int, IdentifierView],
) -> TraitProvenance:  # fmt: skip
    winner = reconciled.winner
    candidates = {
        claim: TraitCandidate(from_jsonb(claim.value), claim.source_id, _key(named[claim.identifier_id]), observed_at)
        for claim, observed_at in claims
    }
    # What decides about one channel may have been said of all.
    won = candidates.pop(winner, None) or TraitCandidate(
        from_jsonb(winner.value), winner.source_id, _key(named[winner.identifier_id]), clock.from_micros(winner.at_us)
    )
    others = sorted(candidates.values(), key=lambda candidate: candidate.observed_at, reverse=True)
    named_rule = _rule_of(key, reconciled, rule)
    computed = named_rule == "computed"
    return TraitProvenance(
        key, from_jsonb(reconciled.value), named_rule, won.source_id, won.identifier,
        won.observed_at, tuple(others), winner.tiebreak if computed else None,
    )  # fmt: skip


def _rule_of(key: str, reconciled: Reconciled, rule: TraitRule) -> str:
    if key.startswith(PREFIX) and reconciled.value in ("true", "false"):
        return "consent"
    return "computed" if reconciled.winner.source_id == COMPUTED_SOURCE else rule.rule


def _key(identifier: IdentifierView) -> IdentifierKey:
    return IdentifierKey(identifier.kind, identifier.value)
