"""Why these are one person, or not."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from common.pg import from_jsonb
from identity.contracts import IdentifierView, LinkView, Why
from identity.graph import refusal_sentence
from identity.models import Link
from identity.selectors.policies import policy
from identity.selectors.reading import fetch, identifiers_by_id

_ORIGINS = {value: name.lower() for value, name in Link.Origin.choices}
_MOST_LINKS = 1_000

_LINKS = """
select l.a, l.b, l.origin, l.basis, l.confidence, l.evidence::text, l.first_at, l.retracted_at, l.retracted_by,
       l.retracted_reason, r.reason, r.detail
from identity_link l left join identity_refusal r on r.a = l.a and r.b = l.b and l.retracted_at is null
where l.a = any(%(ids)s::bigint[])
union all
select l.a, l.b, l.origin, l.basis, l.confidence, l.evidence::text, l.first_at, l.retracted_at, l.retracted_by,
       l.retracted_reason, r.reason, r.detail
from identity_link l left join identity_refusal r on r.a = l.a and r.b = l.b and l.retracted_at is null
where l.b = any(%(ids)s::bigint[]) and l.a <> all(%(ids)s::bigint[])
order by 7, 1, 2, 3 limit %(most)s
"""
_MEMBERS = """
select m.id from identity_identifier named join identity_identifier m on m.profile_id = named.profile_id
where named.id = %(id)s
"""
_COMPONENT = """
select m.id, m.profile_id from identity_identifier m
where m.component_id in (select component_id from identity_identifier where id = any(%(ids)s::bigint[]))
"""
_BANS = """
select a, b, by, reason from identity_cannotlink
where retracted_at is null and a = any(%(ids)s::bigint[]) and b = any(%(ids)s::bigint[])
"""


def _load_links(ids: Collection[int], most: int = _MOST_LINKS) -> list[LinkView]:
    rows = fetch(_LINKS, {"ids": sorted(ids), "most": most})
    named = identifiers_by_id({end for row in rows for end in row[:2]})
    return [_link(row, named) for row in rows]


def _link(row: tuple[Any, ...], named: dict[int, IdentifierView]) -> LinkView:
    a, b, origin, basis, confidence, evidence, first_at, *retracted, reason, detail = row
    return LinkView(
        a=named[a], b=named[b], origin=_ORIGINS[origin], basis=basis, confidence=confidence,
        evidence=from_jsonb(evidence), first_at=first_at, retracted_at=retracted[0], retracted_by=retracted[1],
        retracted_reason=retracted[2], refused_because=refusal_sentence(reason, detail) if reason else "",
    )  # fmt: skip


def links_of(profile_id: int) -> list[LinkView]:
    """All links of a profile's identifiers, oldest first: those that hold, and the refused and retracted ones."""
    ids = [row[0] for row in fetch(_MEMBERS, {"id": profile_id})]
    return _load_links(ids) if ids else []


def why(a_id: int, b_id: int) -> Why | None:
    """Why two identifiers (or profiles, which are named by one) are one person, or are not.

    `path` is the shortest chain of links that hold between them; when there is none, `refused` are the refused links
    on the shortest chain that would have joined them. None when an id is unknown.
    """
    members = dict(fetch(_COMPONENT, {"ids": [a_id, b_id]}))
    if a_id not in members or b_id not in members:
        return None
    links = [link for link in _load_links(members, 20_000) if link.retracted_at is None]
    together = members[a_id] == members[b_id]
    holding = [link for link in links if not link.refused_because]
    path = _shortest(holding, a_id, b_id) if together else ()
    chain = _shortest(links, a_id, b_id) if not together else ()
    refused = tuple(link for link in chain if link.refused_because)
    bans = _bans([m for m, profile in members.items() if profile in (members[a_id], members[b_id])])
    return Why(
        together=together, path=path, refused=refused, cannot_links=() if together else bans,
        policy_version=policy().version, sentence=_sentence(together, path, refused, bans),
    )  # fmt: skip


def _shortest(links: Iterable[LinkView], start: int, goal: int) -> tuple[LinkView, ...]:
    """Breadth first: the chain with the fewest links from `start` to `goal`, or nothing."""
    touching: dict[int, list[tuple[int, LinkView]]] = {}
    for link in links:
        touching.setdefault(link.a.id, []).append((link.b.id, link))
        touching.setdefault(link.b.id, []).append((link.a.id, link))
    came_by: dict[int, tuple[int, LinkView] | None] = {start: None}
    queue = deque([start])
    while queue and goal not in came_by:
        here = queue.popleft()
        for there, link in touching.get(here, ()):
            if there not in came_by:
                came_by[there] = (here, link)
                queue.append(there)
    chain: list[LinkView] = []
    step = came_by.get(goal)
    while step is not None:
        chain.append(step[1])
        step = came_by[step[0]]
    return tuple(reversed(chain))


def _bans(ids: Sequence[int]) -> tuple[tuple[IdentifierView, IdentifierView, str, str], ...]:
    rows = fetch(_BANS, {"ids": sorted(ids)})
    named = identifiers_by_id({end for row in rows for end in row[:2]})
    return tuple((named[a], named[b], by, reason) for a, b, by, reason in rows)


def _sentence(together: bool, path: Sequence[LinkView], refused: Sequence[LinkView], bans: Sequence[object]) -> str:
    if together:
        steps = f"{len(path)} link{'s' if len(path) != 1 else ''}"
        return f"They are one person: {steps} lead from one to the other." if path else "They are the same identifier."
    if refused:
        return f"They are two people. {refused[0].refused_because}"
    if bans:
        return "They are two people: a steward said so."
    return "They are two people: nothing links them."
