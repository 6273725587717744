"""The live segments made ready for evaluation: distinct conditions, what counts for them, and who depends on what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from segments.entries import Kinds
from segments.evaluate import Facts, holds
from segments.measures import Horizon, MeasureKey, keys_of
from segments.rules import All, AnyOf, InBucket, Leaf, Node, Not, OnList, TraitIs, Where, leaves

# Where nothing is known, no time matters.
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """What evaluation needs to know of a published segment; `rule` refers to no other segment any more."""

    id: int
    version: int
    rule: Node


@dataclass(frozen=True, slots=True)
class Measure:
    """A stored counter; one that is `filling` counts what comes and is not read yet."""

    id: int
    key: MeasureKey
    horizon: Horizon
    filling: bool = False


@dataclass(frozen=True, slots=True)
class Counter:
    """How one event adds to one measure."""

    measure_id: int
    where: Where
    sum_property: str | None
    by_value: bool = False

    @property
    def plain(self) -> bool:
        """The properties of the event do not matter."""
        return not self.where and self.sum_property is None


@dataclass(frozen=True)
class Plan:
    """Immutable: a change of any live segment makes a new one."""

    segments: tuple[LiveSegment, ...]
    measure_ids: Mapping[MeasureKey, int]
    horizons: Mapping[int, Horizon]
    kinds: Kinds
    counters: Mapping[str, tuple[Counter, ...]]
    trait_names: tuple[str, ...]
    readers_of_lists: frozenset[int]
    readers_of_measure: Mapping[int, frozenset[int]]
    readers_of_traits: frozenset[int]
    true_of_newborns: frozenset[int]  # segments whose rule may hold for a profile of which nothing is known
    names: tuple[str, ...]  # the event names that are counted
    codes: Mapping[str, int]  # and their places

    @property
    def everything(self) -> frozenset[int]:
        return frozenset(range(len(self.segments)))


def make_plan(segments: Sequence[LiveSegment], measures: Iterable[Measure]) -> Plan:
    """The plan of these segments; `measures` must hold every counter that their rules read."""
    one_of_each: dict[Node, Node] = {}
    segments = [replace(segment, rule=shared(segment.rule, one_of_each)) for segment in segments]
    measures = list(measures)
    stored = {measure.key: measure for measure in measures if not measure.filling}
    filling = [measure for measure in measures if measure.filling]
    readers: dict[int, set[int]] = {}
    traits: set[str] = set()
    trait_readers: set[int] = set()
    list_readers: set[int] = set()
    used: dict[MeasureKey, Measure] = {}
    for index, segment in enumerate(segments):
        for leaf in leaves(segment.rule):
            if isinstance(leaf, TraitIs):
                traits.add(leaf.trait)
                trait_readers.add(index)
            if isinstance(leaf, OnList):
                list_readers.add(index)
            for key in keys_of(leaf):
                used[key] = stored[key]
                readers.setdefault(stored[key].id, set()).add(index)
    counters: dict[str, list[Counter]] = {}
    counted = [*used.values(), *filling]
    for measure in counted:
        key = measure.key
        counter = Counter(measure.id, key.where, key.sum_property, by_value=key.kind == "distinct")
        counters.setdefault(key.event, []).append(counter)
    names = tuple(sorted(counters))
    return Plan(
        segments=tuple(segments),
        measure_ids={key: measure.id for key, measure in used.items()},
        horizons={measure.id: measure.horizon for measure in counted},
        kinds=_kinds(counted),
        counters={name: tuple(found) for name, found in counters.items()},
        trait_names=tuple(sorted(traits)),
        readers_of_measure={measure: frozenset(found) for measure, found in readers.items()},
        readers_of_traits=frozenset(trait_readers),
        readers_of_lists=frozenset(list_readers),
        true_of_newborns=frozenset(i for i, one in enumerate(segments) if _takes_newborns(one.rule)),
        names=names,
        codes={name: code for code, name in enumerate(names)},
    )


def _kinds(measures: Iterable[Measure]) -> Kinds:
    ids: dict[str, set[int]] = {"min": set(), "max": set(), "distinct": set(), "sum": set()}
    for measure in measures:
        ids[measure.key.kind].add(measure.id)
    return Kinds(frozenset(ids["min"]), frozenset(ids["max"]), frozenset(ids["distinct"]))


def _takes_newborns(rule: Node) -> bool:
    return holds(rule, Facts(), now=_ANY_TIME) or any(isinstance(leaf, InBucket) for leaf in leaves(rule))


def shared(node: Node, known: dict[Node, Node]) -> Node:
    """The same rule of shared parts: equal nodes become one object, so that each is evaluated once, without hashing."""
    match node:
        case All(children):
            node = All(tuple(shared(child, known) for child in children))
        case AnyOf(children):
            node = AnyOf(tuple(shared(child, known) for child in children))
        case Not(child):
            node = Not(shared(child, known))
        case _:
            pass
    return known.setdefault(node, node)


def distinct_leaves(rules: Iterable[Node]) -> tuple[Leaf, ...]:
    """Every condition once, in order of first appearance."""
    objects = {id(leaf): leaf for rule in rules for leaf in leaves(rule)}
    return tuple(dict.fromkeys(objects.values()))
