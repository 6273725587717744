"""From a profile to what a channel should have of it. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.masking import mask
from connectors.destinations.kit import Action
from connectors.destinations.mapping import MISSING, Fill, compiled, digest
from connectors.syncs.diff import Target
from identity.contracts import consented

PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Person:
    """What a mapping may see of a profile."""

    id: int
    identifiers: tuple[tuple[str, str], ...]
    traits: Mapping[str, Any]
    created_at: str | None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is fixed for all people of one sync."""

    sync_id: int
    identifier_kind: str
    action: Action
    mapping: Mapping[str, Any]
    segment: Mapping[str, Any]
    consent: Sequence[str] = ()
    consent_channel: str = ""


@dataclass(slots=True)
class Rendered:
    """Targets, and why some people gave none."""

    targets: list[Target] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def render_people(people: Iterable[Person], recipe: Recipe) -> Rendered:
    """The targets of all people. Somebody without consent, the identifier or a required field is skipped with the
    reason."""
    rendered, fill = Rendered(), compiled(recipe.mapping)
    for person in people:
        lacking = _lacking_consent(person, recipe)
        if lacking:
            rendered.skipped[f"no consent: {lacking}"] += 1
            continue
        values = targets_of(person, recipe.identifier_kind)
        if not values:
            rendered.skipped[f"no {recipe.identifier_kind}"] += 1
        for value in values:
            _render_one(person, value, recipe, fill, rendered)
    return rendered


def _lacking_consent(person: Person, recipe: Recipe) -> str:
    """The first purpose that the person did not consent to, in words; empty when nothing is missing."""
    for purpose in recipe.consent:
        if not consented(person.traits, purpose, recipe.consent_channel):
            return f"{purpose} by {recipe.consent_channel}" if recipe.consent_channel else purpose
    return ""


def targets_of(person: Person, identifier_kind: str) -> list[str]:
    """The values that the channel knows this person by."""
    if identifier_kind == PROFILE:
        return [str(person.id)]
    return [value for kind, value in person.identifiers if kind == identifier_kind]


def _render_one(person: Person, value: str, recipe: Recipe, fill: Fill, rendered: Rendered) -> None:
    context = context_of(person, recipe.identifier_kind, value, recipe.segment)
    fields = fill(context)
    lacking = [name for name, spec in recipe.action.fields.items() if spec.required and fields.get(name) in (None, "")]
    if lacking:
        rendered.skipped[f"no {', '.join(lacking)}"] += 1
        return
    keys = {name: fields[name] for name, spec in recipe.action.fields.items() if spec.key and name in fields}
    rendered.targets.append(
        Target(
            profile_id=person.id,
            identifier_hash=digest(recipe.sync_id, recipe.identifier_kind, value),
            fields=fields,
            payload_hash=digest(fields),
            removal=keys,
            label=mask(recipe.identifier_kind, value)[:200],
        )
    )


def context_of(person: Person, kind: str, value: str, segment: Mapping[str, Any]) -> dict[str, Any]:
    """What paths are looked up in. Ids are text, as everywhere in JSON."""
    identifiers: dict[str, list[str]] = {}
    for identifier_kind, identifier in person.identifiers:
        identifiers.setdefault(identifier_kind, []).append(identifier)
    return {
        "profile": {
            "id": str(person.id),
            "traits": person.traits,
            "identifiers": identifiers,
            "created_at": person.created_at if person.created_at is not None else MISSING,
        },
        "segment": segment,
        "target": {"kind": kind, "value": value},
    }
