"""Adaptive blocking as SQL: every token is a key, and only what is too common is joined with one more.

A key takes its smallest blocks until its budget is spent; records in over-full blocks go on to finer keys, up to three
tokens. So the number of candidates is bounded by keys x budget x records whatever the base holds, and no rule is
written by hand for it. (Disjunctions of conjunctions: Bilenko, Kamath, Mooney 2006; purging of blocks: Papadakis 2016.)
"""

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from identity.linkage.bulk import comparing
from identity.linkage.bulk.dialects import Dialect
from identity.linkage.bulk.engine import Engine
from identity.linkage.levels import OTHER
from identity.linkage.tokens import NAMES

# A block of so many is always used, of fewer in a large base; one of more than MOST_IN_BLOCK never.
ALWAYS, ALWAYS_IN_LARGE, LARGE_BASE, MOST_IN_BLOCK = 6, 4, 300_000, 60
# Pairs a record and key, in bases up to this size; fewer in larger ones, where the finer keys suffice.
BUDGET, BUDGET_BASE = 4.0, 50_000
# Beyond so many records coarse tokens only join: what they find alone, or two of them, finer ones find as well.
LEAN_BASE = 60_000
_FINE = ("email", "mailbox", "phone", "phone end", "number", "day", "surname", "street")
# A coarse token of a fact joins in a large base only if the finer one is there for less than half of its records.
_FINER = {"year": "month", "month, day": "month", "postcode area": "postcode"}

_ONE_CONTACT = ("email", "phone", "number")

_GIVEN = ("given sound", "given start")
_SURNAME = ("surname sound", "surname start")
_PART_OF_DATE = ("month", "month, day", "year")
_PLACE = ("postcode", "postcode area", "city")


def budget(records: int) -> float:
    """Pairs a record that one key may bring."""
    return BUDGET * min(1.0, (BUDGET_BASE / max(records, 1)) ** 0.7)


def joined(kinds_: Sequence[str]) -> list[tuple[str, str]]:
    """The kinds that are joined in pairs: of different facts, a name or a date or further columns among them."""
    others = [kind for kind in kinds_ if kind.startswith(OTHER)]
    places = [*_PLACE, "street start", *others]
    pairs = [*itertools.product(_GIVEN, (*_PART_OF_DATE, *places)), *itertools.product(_SURNAME, _PART_OF_DATE)]
    pairs += [*itertools.product(_SURNAME, places), *itertools.product(_PART_OF_DATE, (*_PLACE, *others))]
    # A day is shared by few but in a base of millions; there one of the names makes it a small block again.
    pairs += [("given sound", "day"), ("surname sound", "day")]
    pairs += [("given sound", "surname sound"), *itertools.product(_PLACE, others), *itertools.combinations(others, 2)]
    return [*pairs, ("postcode", "house"), ("postcode", "street start"), ("street start", "house")]


def thirds(pair: tuple[str, str], kinds_: Sequence[str]) -> list[str]:
    """What joins an over-full pair: another fact, coarse ones only."""
    others = [kind for kind in kinds_ if kind.startswith(OTHER)]
    facts = {
        "given": "given",
        "surname": "surname",
        "month": "date",
        "year": "date",
        "day": "date",
        "postcode": "place",
    }
    taken = {facts.get(kind.split()[0].strip(","), kind) for kind in pair}
    coarse = {"given sound": "given", "surname sound": "surname", "year": "date", "month, day": "date"}
    coarse |= {
        "postcode": "place",
        "postcode area": "place",
        "city": "city",
        "street start": "street",
        "house": "house",
    }
    coarse |= {kind: kind for kind in others}
    return [kind for kind, fact in coarse.items() if fact not in taken]


def lean(pairs: Sequence[tuple[str, str]], held: Mapping[str, int]) -> list[tuple[str, str]]:
    """Of the joined kinds those that a large base needs, by how many records hold each kind."""
    coarse = {kind for kind, finer in _FINER.items() if 2 * held.get(finer, 0) >= held.get(kind, 0)}
    place = {"city", "postcode area"}
    return [
        pair
        for pair in pairs
        if not coarse.intersection(pair) and (not place.intersection(pair) or {*_GIVEN, *_SURNAME}.intersection(pair))
    ]


def find_candidates(engine: Engine, kinds_: Sequence[str], *, records: int, across: bool) -> None:
    """Make the table `candidates (l, r)` of the pairs that share a usable block, smaller id first.

    Needs `records`, and, to pair sources only with one another, `source_of`.
    """
    number = {kind: n for n, kind in enumerate(kinds_)}
    most = budget(records) * records
    always = ALWAYS if records <= LARGE_BASE else ALWAYS_IN_LARGE
    pairs, alone = joined(kinds_), list(kinds_)
    made = _tokens(engine.dialect, comparing.filled_lists(engine), number)
    if records > LEAN_BASE:
        pairs = lean(pairs, _held(engine, {kind: made[kind] for kind in {*_FINER, *_FINER.values()}}))
        alone = [kind for kind in kinds_ if kind in _FINE or kind.startswith(OTHER)]
    two = [(number[x], number[y]) for x, y in pairs]
    three = _with_thirds(number, kinds_, pairs)
    # Only what will be joined with more is kept of the over-full blocks.
    onward = {kind for pair in two for kind in pair} | {third for _, third in three}
    needed = [made[kind].keys for kind in made if kind in alone or number[kind] in onward]
    engine.scratch("keys_1", " union all ".join(needed))
    _pair_up(engine, 1, most=most, always=always, across=across, alone=[number[kind] for kind in alone])
    _keep_over(engine, 1, onward)
    _join_two(engine, number, two)
    _pair_up(engine, 2, most=most, always=always, across=across)
    _keep_over(engine, 2, {kind for kind, _ in three})
    _join_three(engine, three)
    for level in (1, 2):
        engine.drop(f"over_{level}")
    _pair_up(engine, 3, most=most, always=always, across=across)
    _keep_over(engine, 3, ())
    found = " union all ".join(f"select l, r from pairs_{level}" for level in (1, 2, 3))
    engine.create("candidates", f"select distinct l, r from ({found}) as found")
    for level in (1, 2, 3):
        engine.drop(f"pairs_{level}")


class _Token(NamedTuple):
    """The query for the keys of a kind of token, and for how many records have one."""

    keys: str
    holders: str


def _held(engine: Engine, made: Mapping[str, _Token]) -> dict[str, int]:
    """How many records hold each of these kinds."""
    names = list(made)
    counts = ", ".join(f"({made[name].holders}) as n{place}" for place, name in enumerate(names))
    found = engine.fetch(f"select {counts}")
    return {name: int(found[f"n{place}"][0]) for place, name in enumerate(names)}


def _tokens(dialect: Dialect, filled: frozenset[str], number: dict[str, int]) -> dict[str, _Token]:
    """The queries of each kind of token: `tokens.tokens` over columns. `filled` are the lists that hold anything."""
    day = "birth_date is not null and right(birth_date, 4) <> '0000'"
    parts = "substr(v, 5, 2)", "right(v, 2)"
    either = f"concat(left(v, 4), least({parts[0]}, {parts[1]}), greatest({parts[0]}, {parts[1]}))"
    # The column, the condition, and what of the value is the token.
    made: dict[str, tuple[str, str, str]] = {
        "surname sound": ("surname_sound", "surname_sound is not null", "v"),
        "surname start": ("surname_met", "surname_met is not null", "left(v, 3)"),
        "surname": ("surname_met", "surname_met is not null", "v"),
        "year": ("birth_date", "birth_date is not null", "left(v, 4)"),
        "day": ("birth_date", day, "v"),
        "month": ("birth_date", day, "left(v, 6)"),
        "month, day": ("birth_date", day, "right(v, 4)"),
        "day or month": ("birth_date", day, either),
        "postcode": ("postcode", "postcode is not null", "v"),
        "postcode area": ("postcode", "length(postcode) > 4", "left(v, 3)"),
        "city": ("city", "city is not null", "v"),
        "street": ("street", "street is not null", "v"),
        "street start": ("street", "street is not null", "left(v, 6)"),
        "house": ("house", "house is not null", "v"),
    }
    for kind, column in (("given sound", "given_sounds"), ("given start", "given_starts")):
        made[kind] = (dialect.unnest(column), f"{column} is not null", "v")
    contacts = {
        "email": "v",
        "mailbox": "split_part(v, '@', 1)",
        "phone": "v",
        "phone end": "right(v, 6)",
        "number": "v",
    }
    for kind, token in contacts.items():
        one = {"mailbox": "email", "phone end": "phone"}.get(kind, kind)
        several = f"{one}s" in filled
        column = dialect.unnest(f"coalesce({one}s, {dialect.array(one)})") if several else one
        made[kind] = (column, f"{one} is not null", token)
    made |= {kind: (f'"{kind}"', f'"{kind}" is not null', "v") for kind in number if kind.startswith(OTHER)}
    # Two mailboxes may have one name, and two telephones one end; the other lists hold nothing twice.
    twice = {kind for kind, (one, *_) in made.items() if kind in ("mailbox", "phone end") and one not in _ONE_CONTACT}
    queries = {}
    for kind, (column, where, token) in made.items():
        short = f"where length({token}) >= 4" if kind == "mailbox" else ""
        hashed = dialect.hash(str(number[kind]), token)
        queries[kind] = _Token(
            f"select {'distinct ' if kind in twice else ''}id, cast({number[kind]} as int) as kind, {hashed} as h "
            f"from (select id, {column} as v from records where {where}) as held {short}",
            f"select count(*) from records where {where}",
        )
    return queries


def _pair_up(engine: Engine, level: int, *, most: float, always: int, across: bool, alone: Sequence[int] = ()) -> None:
    """Make `pairs_`, and the `blocks_` and `usable_` ones, of the keys of a level; of the kinds `alone`, or of all.

    The hash of a key is made of its kind too, so it names the block. Most blocks hold two, and are the pair.
    """
    size = "n * (n - 1) / 2"
    only = f"kind in ({', '.join(map(str, alone))})" if alone else "true"
    engine.scratch(
        f"blocks_{level}",
        "select h, min(kind) as kind, count(*) as n, min(id) as first_id, max(id) as last_id "
        f"from keys_{level} group by h having count(*) > 1",
    )
    engine.scratch(
        f"usable_{level}",
        f"""select h, n, first_id, last_id from blocks_{level} where {only} and n <= {always}
        union all
        select h, n, first_id, last_id from (
            select b.h, b.n, b.first_id, b.last_id, coalesce(s.pairs, 0) + sum({size}) over (
                partition by b.kind order by b.n, b.first_id, b.last_id rows unbounded preceding) as spent
            from (select * from blocks_{level} where {only} and n > {always} and n <= {MOST_IN_BLOCK}) as b
            left join (select kind, sum({size}) as pairs from blocks_{level} where {only} and n <= {always}
                       group by kind) as s on s.kind = b.kind) as sized
        where spent <= {most}""",
    )
    source = ", s.source" if across else ""
    engine.scratch(
        f"members_{level}",
        f"""select k.id, k.h{source} from keys_{level} k join usable_{level} u on u.h = k.h
        {"join source_of s on s.id = k.id" if across else ""} where u.n > 2""",
    )
    apart = "and a.source <> b.source" if across else ""
    sources = "join source_of a on a.id = u.first_id join source_of b on b.id = u.last_id" if across else ""
    engine.scratch(
        f"pairs_{level}",
        f"""select u.first_id as l, u.last_id as r from usable_{level} u {sources} where u.n = 2 {apart}
        union all
        select a.id as l, b.id as r from members_{level} a join members_{level} b on a.h = b.h
        where a.id < b.id {apart}""",
    )
    engine.drop(f"members_{level}")


def _keep_over(engine: Engine, level: int, onward: Collection[int]) -> None:
    """Make `over_`, the keys of these kinds whose blocks were too full, and let go of the rest of the level."""
    if onward:
        engine.scratch(
            f"over_{level}",
            f"""select k.id, k.kind, k.h from keys_{level} k join (
                select b.h from blocks_{level} b left join usable_{level} u on u.h = b.h
                where u.h is null and b.kind in ({", ".join(map(str, sorted(onward)))})) as f on f.h = k.h""",
        )
    for table in ("keys", "blocks", "usable"):
        engine.drop(f"{table}_{level}")


def _join_two(engine: Engine, number: dict[str, int], two: Sequence[tuple[int, int]]) -> None:
    engine.load_rows("joined", {"x": "int", "y": "int"}, two)
    engine.scratch(
        "keys_2",
        f"""select a.id, cast(a.kind * 100 + b.kind as int) as kind, {engine.dialect.hash("a.h", "b.h")} as h
        from over_1 a join joined j on j.x = a.kind join over_1 b on b.id = a.id and b.kind = j.y
        union all
        select distinct id, {number[NAMES]} as kind, {engine.dialect.hash("least(x, y)", "greatest(x, y)")} as h
        from (select id, {engine.dialect.unnest("given_sounds")} as x, surname_sound as y from records
              where given_sounds is not null and surname_sound is not null) as named where x <> y""",
    )
    engine.drop("joined")


def _with_thirds(
    number: dict[str, int], kinds_: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> list[tuple[int, int]]:
    # Beginnings of names made way for slips in pairs; a third fact finds those by the sounds too.
    sounds = [pair for pair in pairs if not {"given start", "surname start"}.intersection(pair)]
    three = [(number[x] * 100 + number[y], number[z]) for x, y in sounds for z in thirds((x, y), kinds_)]
    three += [(number[NAMES], number[z]) for z in thirds(("given sound", "surname sound"), kinds_)]
    # One order for three tokens is enough; the rest would make the same blocks.
    distinct = {tuple(sorted((pair // 100, pair % 100, z))): (pair, z) for pair, z in sorted(three)}
    return sorted(distinct.values())


def _join_three(engine: Engine, three: Sequence[tuple[int, int]]) -> None:
    engine.load_rows("joined", {"x": "int", "y": "int"}, three)
    engine.scratch(
        "keys_3",
        f"""select a.id, cast(a.kind * 100 + b.kind as int) as kind, {engine.dialect.hash("a.h", "b.h")} as h
        from over_2 a join joined j on j.x = a.kind join over_1 b on b.id = a.id and b.kind = j.y""",
    )
    engine.drop("joined")
