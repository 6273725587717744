"""One profile as a graph of identifiers: which links are weak, which hold it together, what a cut would part. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cdp.web import compare
from identity.contracts import IdentifierView, LinkView, ProfileView, TraitProvenance

# Selectors answer with so many identifiers and links at most; of a larger profile the cut cannot be foreseen.
MOST_IDENTIFIERS, MOST_LINKS = 500, 1_000
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Edge:
    """All that holds between two identifiers. `confidence` is there when only likeness joins them."""

    a: IdentifierView
    b: IdentifierView
    links: tuple[LinkView, ...]
    bridge: bool
    confidence: float | None
    weights: Sequence[compare.Weight]
    verdict: compare.Verdict | None

    @property
    def pair(self) -> Pair:
        return self.a.id, self.b.id

    @property
    def key(self) -> str:
        """How the query string names it."""
        return f"{self.a.id}-{self.b.id}"


def edges_of(profile: ProfileView, links: Iterable[LinkView]) -> list[Edge]:
    """The pairs of the profile's identifiers that links join, the weakest first: what only likeness joins, then the
    rest in order of age."""
    own = {one.id for one in profile.identifiers}
    joined: dict[Pair, list[LinkView]] = defaultdict(list)
    for link in links:
        if link.retracted_at is None and not link.refused_because and {link.a.id, link.b.id} <= own:
            joined[link.a.id, link.b.id].append(link)
    parting = bridges(own, joined)
    edges = [_edge(held, bridge=pair in parting) for pair, held in joined.items()]
    return sorted(
        edges, key=lambda one: (one.confidence is None, one.confidence or 0.0, one.links[0].first_at, one.pair)
    )


def _edge(links: Sequence[LinkView], *, bridge: bool) -> Edge:
    matched = next((link for link in links if link.origin == "matched"), None)
    stored: Any = matched.evidence if matched and isinstance(matched.evidence, dict) else {}
    only = matched is not None and len(links) == 1
    return Edge(
        a=links[0].a, b=links[0].b, links=tuple(links), bridge=bridge,
        confidence=(matched.confidence or 0.0) if matched and only else None,
        weights=compare.weights(stored), verdict=compare.verdict(stored),
    )  # fmt: skip


def bridges(ids: Iterable[int], pairs: Iterable[Pair]) -> set[Pair]:
    """The pairs without which their two ends would not hang together any more (Tarjan 1974), without recursion."""
    touching: dict[int, list[int]] = defaultdict(list)
    for a, b in pairs:
        touching[a].append(b)
        touching[b].append(a)
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    found: set[Pair] = set()
    for start in ids:
        if start not in order:
            _walk(start, touching, order, low, found)
    return found


class _Step(NamedTuple):
    here: int
    came_from: int | None
    ways: Any


def _walk(
    start: int, touching: dict[int, list[int]], order: dict[int, int], low: dict[int, int], found: set[Pair]
) -> None:
    order[start] = low[start] = len(order)
    path = [_Step(start, None, iter(touching[start]))]
    while path:
        step = path[-1]
        there = next(step.ways, None)
        if there is None:
            path.pop()
            _retreat(step, order, low, found)
        elif there not in order:
            order[there] = low[there] = len(order)
            path.append(_Step(there, step.here, iter(touching[there])))
        elif there != step.came_from:
            low[step.here] = min(low[step.here], order[there])


def _retreat(step: _Step, order: dict[int, int], low: dict[int, int], found: set[Pair]) -> None:
    before = step.came_from
    if before is None:
        return
    low[before] = min(low[before], low[step.here])
    if low[step.here] > order[before]:
        found.add((min(before, step.here), max(before, step.here)))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a profile after a cut, with how many traits its identifiers have something to say about."""

    identifiers: tuple[IdentifierView, ...]
    traits: int


@dataclass(frozen=True, slots=True)
class Cut:
    """What taking one link back would do. `goes` is empty when other links still hold the profile together."""

    edge: Edge
    stays: Piece
    goes: Piece

    @property
    def parts(self) -> bool:
        return bool(self.goes.identifiers)


def cut_of(
    profile: ProfileView, edges: Sequence[Edge], pair: Pair | None, provenance: Sequence[TraitProvenance]
) -> Cut | None:
    """The cut at `pair`; None when the profile has no such link. The founding identifier stays."""
    edge = next((one for one in edges if one.pair == pair), None)
    if edge is None:
        return None
    side = _reached(edge.a.id, [one.pair for one in edges if one is not edge])
    other = _reached(edge.b.id, [one.pair for one in edges if one is not edge])
    if edge.b.id in side:
        goes: Collection[int] = ()
    else:
        goes = other if profile.id in side else side
    return Cut(
        edge=edge,
        stays=_piece([one for one in profile.identifiers if one.id not in goes], provenance),
        goes=_piece([one for one in profile.identifiers if one.id in goes], provenance),
    )


def _reached(start: int, pairs: Iterable[Pair]) -> set[int]:
    touching: dict[int, list[int]] = defaultdict(list)
    for a, b in pairs:
        touching[a].append(b)
        touching[b].append(a)
    seen, waiting = {start}, [start]
    while waiting:
        for there in touching[waiting.pop()]:
            if there not in seen:
                seen.add(there)
                waiting.append(there)
    return seen


def _piece(identifiers: Sequence[IdentifierView], provenance: Iterable[TraitProvenance]) -> Piece:
    keys = {(one.kind, one.value) for one in identifiers}
    told = sum(
        1 for trait in provenance
        if any(tuple(key) in keys for key in (trait.identifier, *(one.identifier for one in trait.others)))
    )  # fmt: skip
    return Piece(tuple(identifiers), told)


def is_whole(profile: ProfileView, links: Sequence[LinkView]) -> bool:
    """Whether all of the profile was read, so that a cut can be foreseen."""
    return len(profile.identifiers) < MOST_IDENTIFIERS and len(links) < MOST_LINKS
