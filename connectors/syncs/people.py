"""Reading people and the ledger through the doors of the apps below."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from common import clock
from common.masking import is_personal
from connectors.syncs.rendering import Person
from identity import selectors as identity
from identity.contracts import ProfileView
from segments import selectors as segments

Int64s = npt.NDArray[np.int64]
_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the ledger of one segment: for each person the last word, and where the stretch ends."""

    wanted: Mapping[int, bool]
    until_seq: int
    changes: int


def read_stretch(*, segment_id: int, after_seq: int, until_seq: int, limit: int) -> Stretch:
    """Fold at most `limit` changes after `after_seq` and up to `until_seq`."""
    rows = [row for row in segments.changes(segment_id, after_seq, limit) if row.seq <= until_seq]
    end = rows[-1].seq if len(rows) >= limit else until_seq
    return Stretch({row.profile_id: row.entered for row in rows}, end, len(rows))


def fold_ledger(*, segment_id: int, after_seq: int, until_seq: int) -> tuple[Int64s, Int64s]:
    """Who is in and who is out after a long stretch: two arrays, as a dict of a million people would weigh 100 MB."""
    ids, entered = [np.empty(0, np.int64)], [np.empty(0, np.bool_)]
    cursor = after_seq
    while True:
        page = [row for row in segments.changes(segment_id, cursor, _PAGE) if row.seq <= until_seq]
        ids.append(np.fromiter((row.profile_id for row in page), np.int64, len(page)))
        entered.append(np.fromiter((row.entered for row in page), np.bool_, len(page)))
        if len(page) < _PAGE:
            break
        cursor = page[-1].seq
    newest_first = np.concatenate(ids)[::-1]
    people, last = np.unique(newest_first, return_index=True)
    is_in = np.concatenate(entered)[::-1][last]
    return people[is_in], people[~is_in]


def members(*, segment_id: int, at_seq: int) -> Int64s:
    """All members at a version of the ledger, ascending."""
    pages: list[Int64s] = []
    after = 0
    while True:
        page = np.asarray(segments.members(segment_id, at_seq=at_seq, after_profile=after, limit=_PAGE), np.int64)
        pages.append(page)
        if len(page) < _PAGE:
            return np.concatenate(pages)
        after = int(page[-1])


def personal_of(person: Person) -> tuple[tuple[str, str], ...]:
    """What of a person must be masked for those who may not see it: identifiers and personal traits, (field, value)."""
    traits = [(name, str(value)) for name, value in person.traits.items() if is_personal(name) and value]
    return tuple(dict.fromkeys([*person.identifiers, *traits]))


def first_members(*, segment_id: int, limit: int) -> list[int]:
    """Some members now."""
    return list(segments.members(segment_id, limit=limit))


def read_people(ids: Iterable[int]) -> dict[int, Person]:
    """Profiles by the ids asked for. A retired id answers with the profile that has taken it in."""
    found = identity.profiles_by_id(list(ids))
    return {asked: _person(view) for asked, view in found.items()}


def _person(view: ProfileView) -> Person:
    return Person(
        id=view.id,
        identifiers=tuple((identifier.kind, identifier.value) for identifier in view.identifiers),
        traits=view.traits,
        created_at=clock.iso(view.created_at),
    )


def members_among(*, segment: Mapping[str, Any], profile_ids: Collection[int]) -> set[int]:
    """Who of these is in a segment now. For the few who took somebody in; the ledger tells of all others."""
    if not profile_ids:
        return set()
    found = segments.slugs_of(list(profile_ids))
    return {profile_id for profile_id, slugs in found.items() if segment["slug"] in slugs}


def head_seq() -> int:
    """The last ledger number."""
    return segments.head_seq()


def has_changes(*, segment_id: int, after_seq: int) -> bool:
    """Whether the segment has ledger rows after a cursor."""
    return bool(segments.changes(segment_id, after_seq, 1))


def segment_facts(segment_id: int) -> dict[str, Any]:
    """What mappings may say of the segment. An archived or unknown one has its id."""
    view = segments.segment(segment_id)
    if view is None:
        return {"id": str(segment_id), "slug": str(segment_id), "name": str(segment_id)}
    return {"id": str(view.id), "slug": view.slug, "name": view.name}
