"""How a profile is named on the pages, and how people are found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from identity import selectors as identity
from identity.contracts import IdentifierView, ProfileSummary, ProfileView, kind_strength

_NAMES = ("name", "fullName", "full_name")
_FIRST_NAMES = ("first_name", "firstName", "given_name")
_LAST_NAMES = ("last_name", "lastName", "family_name", "surname")


@dataclass(frozen=True, slots=True)
class Person:
    """One profile in a list: what to call it, and the field by which that is masked."""

    id: int
    title: str
    title_field: str
    caption: str
    initial: str
    email: str
    phone: str
    identifiers: int
    created_at: datetime
    updated_at: datetime


def person(profile: ProfileSummary | ProfileView) -> Person:
    """The list entry of a profile."""
    title, field = title_of(profile.traits, profile.identifiers)
    kinds = sorted({one.kind for one in profile.identifiers}, key=lambda kind: (kind_strength(kind), kind))
    return Person(
        id=profile.id, title=title, title_field=field, initial=title[:1].upper() or "?",
        caption=", ".join(kind.replace("_", " ") for kind in kinds[:4]),
        email=_first(profile.identifiers, "email") or str(profile.traits.get("email", "")),
        phone=_first(profile.identifiers, "phone") or str(profile.traits.get("phone", "")),
        identifiers=len(profile.identifiers), created_at=profile.created_at, updated_at=profile.updated_at,
    )  # fmt: skip


def title_of(traits: Mapping[str, Any], identifiers: Iterable[IdentifierView]) -> tuple[str, str]:
    """(text, field): the name, else the strongest identifier."""
    whole = _pick(traits, _NAMES) or " ".join(filter(None, (_pick(traits, _FIRST_NAMES), _pick(traits, _LAST_NAMES))))
    if whole:
        return whole, "name"
    best = min(identifiers, key=lambda one: (kind_strength(one.kind), one.id), default=None)
    return (best.value, best.kind) if best else ("Nobody any more", "")


def find(text: str, *, limit: int) -> list[Person]:
    """People whose identifier or trait fits `text`, exact identifiers first."""
    return [person(one) for one in identity.profiles_page(search=text, limit=limit)]


def by_ids(ids: Iterable[int]) -> dict[int, Person]:
    """List entries of some profiles; retired ids answer with the profile that took them over."""
    return {profile_id: person(view) for profile_id, view in identity.profiles_by_id(list(ids)).items()}


def _pick(traits: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((str(traits[name]).strip() for name in names if traits.get(name)), "")


def _first(identifiers: Iterable[IdentifierView], kind: str) -> str:
    return next((one.value for one in identifiers if one.kind == kind), "")
