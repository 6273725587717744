"""What must be sent so that the channel has what it should have. Pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from connectors.destinations.kit import Operation


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that the channel should have: a person, or one identifier of a person."""

    profile_id: int
    identifier_hash: str
    fields: Mapping[str, Any] = field(repr=False)
    payload_hash: str
    removal: Mapping[str, Any] = field(repr=False)
    label: str


@dataclass(frozen=True, slots=True)
class SentRow:
    """One thing that the channel has, or that is on its way (`present`), or whose removal is (`not present`)."""

    profile_id: int
    identifier_hash: str
    present: bool
    payload_hash: str
    confirmed: bool
    removal: Mapping[str, Any] = field(repr=False)
    label: str


@dataclass(frozen=True, slots=True)
class Change:
    """One delivery to be."""

    operation: Operation
    profile_id: int
    identifier_hash: str
    fields: Mapping[str, Any] = field(repr=False)
    payload_hash: str
    removal: Mapping[str, Any] = field(repr=False)
    label: str


@dataclass(frozen=True, slots=True)
class Diff:
    """Changes to send, and targets that only changed hands between profiles."""

    changes: tuple[Change, ...]
    moved: tuple[Target, ...]


def diff(*, wanted: Sequence[Target], sent: Sequence[SentRow], looked_at: AbstractSet[int]) -> Diff:
    """Compare what is wanted for the profiles looked at with what was sent.

    `sent` must hold all rows of those profiles and of the wanted targets. A target that moved to another profile is
    compared as that profile's, never removed and added: two channel calls for one e-mail address could cross.
    """
    there = {row.identifier_hash: row for row in sent}
    changes: list[Change] = []
    moved: list[Target] = []
    for target in wanted:
        operation = _operation(target, there.get(target.identifier_hash))
        if operation is not None:
            changes.append(_sending(operation, target))
        elif there[target.identifier_hash].profile_id != target.profile_id:
            moved.append(target)
    kept = {target.identifier_hash for target in wanted}
    changes.extend(
        _removing(row)
        for row in sent
        if row.present and row.profile_id in looked_at and row.identifier_hash not in kept
    )
    return Diff(tuple(changes), tuple(moved))


def _operation(target: Target, row: SentRow | None) -> Operation | None:
    if row is None or not row.present:
        return "add"
    if row.payload_hash == target.payload_hash:
        return None
    return "update" if row.confirmed else "add"


def _sending(operation: Operation, t: Target) -> Change:
    return Change(operation, t.profile_id, t.identifier_hash, t.fields, t.payload_hash, t.removal, t.label)


def _removing(row: SentRow) -> Change:
    return Change("remove", row.profile_id, row.identifier_hash, row.removal, "", row.removal, row.label)


def needs_approval(*, adds: int, removes: int, before: int, percent: int, rows: int) -> bool:
    """Whether a run would change so much that a person should look first.

    The first fill of a channel has nothing to compare with: it is what its creator asked for.
    """
    if before == 0:
        return False
    return any(count > rows and count * 100 > before * percent for count in (adds, removes))
