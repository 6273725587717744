"""Who is who: the partition of identifiers into people. Pure: no Django, no I/O, no clock.

A partition is a function of the *set* of links and the policy. Nothing here looks at row ids to decide who belongs
together; ids only name the results, so any order of the same evidence gives the same groups.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from identity.kinds import PREVIOUS_ID, USER_ID
from identity.policy import ISOLATE, KindPolicy, Policy

ASSERTED, OBSERVED, MATCHED = 0, 1, 2
ALIAS = "alias"
SAME_VALUE = "same_value"

OVER_DEGREE = "over_degree"
BLOCKED = "blocked_value"

Pair = tuple[int, int]


class Identifier(NamedTuple):
    """A node: the id names it, kind and value decide."""

    id: int
    kind: str
    value: str


class Node(Protocol):
    """Whatever has an id, a kind and a value: `Identifier`, or a row that knows more."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> str: ...


class Link(NamedTuple):
    """An active link, `a < b`; `at_us` is the earliest time that supports it."""

    a: int
    b: int
    origin: int
    basis: str
    confidence: float
    at_us: int


class Refusal(NamedTuple):
    """Why two linked identifiers were not joined: `reason` is one of the words below, `detail` what it is about.

    `limit` (a kind), `alias`, `cannot_link`, `shared` (a kind: the identifier is shared by several people and stands
    alone), `quarantined` (an end connects nobody: its own row says why).
    """

    a: int
    b: int
    reason: str
    detail: str


def refusal_sentence(reason: str, detail: str) -> str:
    """A refusal in words for the person who asks why."""
    sentences = {
        "limit": f"One profile may not have that many identifiers of kind {detail}.",
        "alias": "An alias alone does not join two user ids.",
        "cannot_link": "A steward said that they are not one person.",
        "shared": f"The {detail} is shared by several people, so it belongs to none of them.",
        "quarantined": "One of them is blocked or touches too many others, so it connects nobody.",
    }
    return sentences.get(reason, reason)


@dataclass(frozen=True, slots=True)
class Partition:
    """The answer: `component` and `group` by identifier, each named by the id of a member.

    A component is named by its least id. A group is named by its founder: the earliest person-level identifier, or the
    earliest of all when nobody in it names a person. `quarantined` gives the reason by identifier.
    """

    component: dict[int, int]
    group: dict[int, int]
    refused: tuple[Refusal, ...]
    quarantined: dict[int, str]
    shared: frozenset[int]

    def groups(self) -> frozenset[frozenset[int]]:
        """The groups as sets of ids."""
        members: dict[int, set[int]] = defaultdict(set)
        for identifier_id, founder in self.group.items():
            members[founder].add(identifier_id)
        return frozenset(frozenset(ids) for ids in members.values())


class DisjointSets:
    """Union by size with path halving."""

    __slots__ = ("_parent", "_size")

    def __init__(self, ids: Iterable[int]) -> None:
        self._parent = {i: i for i in ids}
        self._size: dict[int, int] = {}

    def find(self, i: int) -> int:
        """The representative of the set that holds `i`."""
        parent = self._parent
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(self, a: int, b: int) -> int:
        """Join two different representatives; answers the one that stays."""
        size = self._size
        if size.get(a, 1) < size.get(b, 1):
            a, b = b, a
        self._parent[b] = a
        size[a] = size.get(a, 1) + size.get(b, 1)
        return a


def partition(
    *,
    identifiers: Sequence[Node],
    links: Sequence[Link],
    cannot_links: AbstractSet[Pair],
    policy: Policy,
) -> Partition:
    """Say who is who. Reads nothing, writes nothing; the same set gives the same answer in any order.

    Links join strongest first; a link that would break a limit or a cannot-link is refused, and its reason is kept.
    A link with an end that is not among `identifiers` says that the other end is quarantined and lives elsewhere.
    """
    known = {identifier.id: identifier for identifier in identifiers}
    quarantined = find_quarantined(known, links, policy)
    sets = DisjointSets(known)
    inner: list[Link] = []
    refused: list[Refusal] = []
    for link in links:
        a, b = link.a, link.b
        if a in quarantined or b in quarantined or a not in known or b not in known:
            refused.append(Refusal(a, b, "quarantined", ""))
            continue
        inner.append(link)
        root_a, root_b = sets.find(a), sets.find(b)
        if root_a != root_b:
            sets.join(root_a, root_b)
    result = Partition({}, {}, (), quarantined, frozenset())
    shared = _divide_all(known, inner, cannot_links, policy, sets, result, refused)
    return Partition(result.component, result.group, tuple(_distinct(refused)), quarantined, shared)


def find_quarantined(known: Mapping[int, Node], links: Sequence[Link], policy: Policy) -> dict[int, str]:
    """The identifiers that may connect nobody: blocked values, and those that touch more others than their kind may."""
    degree: dict[int, int] = {}
    for a, b in {(link.a, link.b) for link in links}:
        degree[a] = degree.get(a, 0) + 1
        degree[b] = degree.get(b, 0) + 1
    quarantined: dict[int, str] = {}
    for identifier_id, count in degree.items():
        identifier = known.get(identifier_id)
        if identifier is None:
            continue
        if policy.blocks(identifier.value):
            quarantined[identifier_id] = BLOCKED
        elif count > policy.of(identifier.kind).max_degree:
            quarantined[identifier_id] = OVER_DEGREE
    return quarantined


def _divide_all(
    known: Mapping[int, Node],
    links: Sequence[Link],
    cannot_links: AbstractSet[Pair],
    policy: Policy,
    sets: DisjointSets,
    result: Partition,
    refused: list[Refusal],
) -> frozenset[int]:
    """Divide each raw component into groups; fills `result` and `refused`, answers the shared identifiers."""
    members: dict[int, list[int]] = defaultdict(list)
    for identifier_id in known:
        members[sets.find(identifier_id)].append(identifier_id)
    links_of: dict[int, list[Link]] = defaultdict(list)
    for link in links:
        links_of[sets.find(link.a)].append(link)
    shared: set[int] = set()
    for root, ids in members.items():
        result.component.update(dict.fromkeys(ids, min(ids)))
        if len(ids) == 1:
            result.group[root] = root
            continue
        if _nothing_to_refuse(ids, links_of[root], known, cannot_links, policy):
            result.group.update(dict.fromkeys(ids, founder(ids, known, policy)))
            continue
        division = _Division(ids, links_of[root], known, cannot_links, policy)
        result.group.update(division.groups())
        refused.extend(division.refused)
        shared |= division.shared
    return frozenset(shared)


def founder(ids: Iterable[int], known: Mapping[int, Node], policy: Policy) -> int:
    """The identifier that gives a group its id: the earliest person-level one, else the earliest."""
    return min(ids, key=lambda i: (not policy.of(known[i].kind).person, i))


def _nothing_to_refuse(
    ids: Sequence[int],
    links: Sequence[Link],
    known: Mapping[int, Node],
    cannot_links: AbstractSet[Pair],
    policy: Policy,
) -> bool:
    """Whether the whole component keeps every rule: then it is one group, whatever the order of its links."""
    counts: dict[str, int] = {}
    for i in ids:
        kind = known[i].kind
        counts[kind] = counts.get(kind, 0) + 1
    for kind, count in counts.items():
        if count > 1 and (count > policy.of(kind).max_per_profile or kind == USER_ID):
            return False
    if not cannot_links:
        return True
    inside = set(ids)
    return not any(a in inside and b in inside for a, b in cannot_links)


def _distinct(refused: Iterable[Refusal]) -> list[Refusal]:
    """One refusal a pair: several links of one pair are refused for one reason, the strongest link's."""
    first: dict[Pair, Refusal] = {}
    for refusal in refused:
        first.setdefault((refusal.a, refusal.b), refusal)
    return list(first.values())


class _Division:
    """Kruskal over one component that breaks a rule, repeated until no more shared identifiers are found."""

    def __init__(
        self,
        ids: Sequence[int],
        links: Sequence[Link],
        known: Mapping[int, Node],
        cannot_links: AbstractSet[Pair],
        policy: Policy,
    ) -> None:
        self._ids = ids
        self._known = known
        self._policy = policy
        inside = set(ids)
        self._bans = [(a, b) for a, b in cannot_links if a in inside and b in inside]
        self._links = sorted(links, key=self._strength)
        self._renamed = _renamed(links, known) if policy.alias_renames else frozenset()
        self._vouchers = self._person_neighbours(links)
        self.shared: set[int] = set()
        self.refused: list[Refusal] = []
        while True:
            self._join_all()
            found = self._newly_shared() if policy.on_conflict == ISOLATE else set()
            if not found:
                break
            self.shared |= found
        self.refused = self._final_refusals()

    def groups(self) -> dict[int, int]:
        """Founder by identifier."""
        members: dict[int, list[int]] = defaultdict(list)
        for identifier_id in self._ids:
            members[self._sets.find(identifier_id)].append(identifier_id)
        named: dict[int, int] = {}
        for ids in members.values():
            named.update(dict.fromkeys(ids, founder(ids, self._known, self._policy)))
        return named

    def _kind(self, identifier_id: int) -> KindPolicy:
        return self._policy.of(self._known[identifier_id].kind)

    def _strength(self, link: Link) -> tuple[object, ...]:
        """Sort key: content only, never row ids or arrival."""
        a, b = self._known[link.a], self._known[link.b]
        ranks = sorted((self._policy.of(a.kind).strength, self._policy.of(b.kind).strength), reverse=True)
        ends = sorted(((a.kind, a.value), (b.kind, b.value)))
        return (link.origin, ranks, -link.confidence, link.at_us, ends)

    def _person_neighbours(self, links: Iterable[Link]) -> dict[int, int]:
        count: dict[int, set[int]] = defaultdict(set)
        for link in links:
            for end, other in ((link.a, link.b), (link.b, link.a)):
                if self._kind(other).person:
                    count[end].add(other)
        return {end: len(others) for end, others in count.items()}

    def _join_all(self) -> None:
        self._sets = DisjointSets(self._ids)
        self._counts: dict[int, Counter[str]] = {
            i: Counter() if i in self._renamed else Counter((self._known[i].kind,)) for i in self._ids
        }
        self._objections: list[tuple[Link, str, str, bool]] = []
        for link in self._links:
            if link.a in self.shared or link.b in self.shared:
                continue
            root_a, root_b = self._sets.find(link.a), self._sets.find(link.b)
            if root_a == root_b:
                continue
            objection = self._objection(link, root_a, root_b)
            if objection is not None:
                self._objections.append((link, *objection))
                continue
            kept = self._sets.join(root_a, root_b)
            gone = root_b if kept == root_a else root_a
            self._counts[kept].update(self._counts.pop(gone))

    def _objection(self, link: Link, root_a: int, root_b: int) -> tuple[str, str, bool] | None:
        """Why two groups may not be one: (reason, detail, whether a limit is broken), or None."""
        over = self._limit_broken(root_a, root_b)
        if self._banned(root_a, root_b):
            return "cannot_link", "", over is not None
        users = self._counts[root_a][USER_ID] and self._counts[root_b][USER_ID]
        if link.basis in (ALIAS, SAME_VALUE) and users:
            return "alias", USER_ID, over is not None
        return ("limit", over, True) if over is not None else None

    def _limit_broken(self, root_a: int, root_b: int) -> str | None:
        small, large = sorted((self._counts[root_a], self._counts[root_b]), key=len)
        over = [kind for kind, n in small.items() if n + large[kind] > self._policy.of(kind).max_per_profile]
        # The strongest kind names the reason; of two equal ones the name decides, so the reason has no order either.
        return min(over, key=lambda kind: (self._policy.of(kind).strength, kind)) if over else None

    def _banned(self, root_a: int, root_b: int) -> bool:
        find = self._sets.find
        return any({find(a), find(b)} == {root_a, root_b} for a, b in self._bans)

    def _newly_shared(self) -> set[int]:
        found: set[int] = set()
        for link, _, _, breaks_limit in self._objections:
            if breaks_limit:
                found |= self._shared_end(link)
        return found

    def _shared_end(self, link: Link) -> set[int]:
        """The weak end of a link refused for a limit is the shared one.

        Of two weak ends it is the one that fewer person-level identifiers vouch for: the tablet between two browsers,
        not the browser its owner signed in with. Then the weaker kind; two alike are both taken out.
        """
        weak = [end for end in (link.a, link.b) if self._kind(end).isolate]
        if len(weak) < 2:
            return set(weak)
        rank = {end: (self._vouchers.get(end, 0), -self._kind(end).strength) for end in weak}
        least = min(rank.values())
        return {end for end in weak if rank[end] == least}

    def _final_refusals(self) -> list[Refusal]:
        """Every link that joined nothing and whose ends are apart in the end."""
        find = self._sets.find
        refused = [
            Refusal(link.a, link.b, reason, detail)
            for link, reason, detail, _ in self._objections
            if find(link.a) != find(link.b)
        ]
        for link in self._links:
            ends = [end for end in (link.a, link.b) if end in self.shared]
            if ends:
                weaker = max((self._kind(end).strength, self._known[end].kind) for end in ends)
                refused.append(Refusal(link.a, link.b, "shared", weaker[1]))
        return refused


def _renamed(links: Iterable[Link], known: Mapping[int, Node]) -> frozenset[int]:
    """User ids that an alias call replaced by another one: `previousId` of the same value, aliased to a user id."""
    same: dict[int, int] = {}
    aliased: dict[int, set[int]] = defaultdict(set)
    for link in links:
        for previous, other in ((link.a, link.b), (link.b, link.a)):
            if known[previous].kind != PREVIOUS_ID or known[other].kind != USER_ID:
                continue
            if known[previous].value == known[other].value:
                same[previous] = other
            elif link.basis == ALIAS:
                aliased[previous].add(other)
    return frozenset(user for previous, user in same.items() if aliased.get(previous, set()) - {user})
