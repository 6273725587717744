"""Adaptive blocking as SQL: every token is a key, and only what is too common is joined with one more.

A key takes its smallest blocks until its budget is spent; records in over-full blocks go on to finer keys, up to three
tokens. So the number of candidates is bounded by keys x budget x records whatever the base holds, and no rule is
written by hand for it. (Disjunctions of conjunctions: Bilenko, Kamath, Mooney 2006; purging of blocks: Papadakis 2016.)
"""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from identity.linkage.bulk.engines import Engine
from identity.linkage.bulk.expressions import Dialect
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
    pairs += [("given sound", "surname sound"), *itertools.product(_PLACE, others), *itertools.combinations(others, 2)]
    return [*pairs, ("postcode", "house"), ("postcode", "street start"), ("street start", "house")]


def thirds(pair: tuple[str, str], kinds_: Sequence[str]) -> list[str]:
    """What joins an over-full pair: another fact, coarse ones only."""
    others = [kind for kind in kinds_ if kind.startswith(OTHER)]
    facts = {"given": "given", "surname": "surname", "month": "date", "year": "date", "postcode": "place"}
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
    engine.create("keys_1", " union all ".join(_tokens(engine.dialect, number)))
    pairs, alone = joined(kinds_), list(kinds_)
    if records > LEAN_BASE:
        found = engine.fetch("select kind, count(*) as n from keys_1 group by kind")
        pairs = lean(pairs, {kinds_[kind]: n for kind, n in zip(found["kind"], found["n"], strict=True)})
        alone = [kind for kind in kinds_ if kind in _FINE or kind.startswith(OTHER)]
    two = [(number[x], number[y]) for x, y in pairs]
    three = _with_thirds(number, kinds_, pairs)
    # Only what will be joined with more is kept of the over-full blocks.
    onward = {kind for pair in two for kind in pair} | {third for _, third in three}
    _pair_up(engine, 1, most=most, always=always, across=across, alone=[number[kind] for kind in alone])
    _keep_over(engine, 1, onward)
    _join_two(engine, number, two)
    _pair_up(engine, 2, most=most, always=always, across=across)
    _keep_over(engine, 2, {kind for kind, _ in three})
    _join_three(engine, three)
    _pair_up(engine, 3, most=most, always=always, across=across)
    engine.create("candidates", " union ".join(f"select l, r from pairs_{level}" for level in (1, 2, 3)))
    for level in (1, 2, 3):
        for table in ("pairs", "keys", "over", "blocks", "usable"):
            engine.drop(f"{table}_{level}")


def _tokens(dialect: Dialect, number: dict[str, int]) -> Iterator[str]:
    """A query for each kind of token: `tokens.tokens` over columns."""
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
        made[kind] = (dialect.unnest(f"coalesce({one}s, {dialect.array(one)})"), f"{one} is not null", token)
    made |= {kind: (f'"{kind}"', f'"{kind}" is not null', "v") for kind in number if kind.startswith(OTHER)}
    for kind, (column, where, token) in made.items():
        short = f"where length({token}) >= 4" if kind == "mailbox" else ""
        hashed = dialect.hash(str(number[kind]), token)
        yield (
            f"select distinct id, cast({number[kind]} as int) as kind, {hashed} as h "
            f"from (select id, {column} as v from records where {where}) as held {short}"
        )


def _pair_up(engine: Engine, level: int, *, most: float, always: int, across: bool, alone: Sequence[int] = ()) -> None:
    """Make `pairs_`, and the `blocks_` and `usable_` ones, of the keys of a level; of the kinds `alone`, or of all."""
    size = "n * (n - 1) / 2"
    only = f"where kind in ({', '.join(map(str, alone))})" if alone else ""
    engine.create(
        f"blocks_{level}",
        "select kind, h, count(*) as n, min(id) as first_id, max(id) as last_id "
        f"from keys_{level} group by kind, h having count(*) > 1",
    )
    engine.create(
        f"usable_{level}",
        f"""select kind, h from (
            select kind, h, n, sum({size}) over (
                partition by kind order by n, first_id, last_id rows unbounded preceding) as spent
            from blocks_{level} {only}) as sized
        where n <= {always} or (n <= {MOST_IN_BLOCK} and spent <= {most})""",
    )
    apart = "and a.source <> b.source" if across else ""
    held = f"(select k.id, k.kind, k.h{', s.source' if across else ''} from keys_{level} k"
    held += (" join source_of s on s.id = k.id)") if across else ")"
    engine.create(
        f"pairs_{level}",
        f"""select distinct a.id as l, b.id as r from usable_{level} u
        join {held} a on a.kind = u.kind and a.h = u.h join {held} b on b.kind = u.kind and b.h = u.h
        where a.id < b.id {apart}""",
    )


def _keep_over(engine: Engine, level: int, onward: Collection[int]) -> None:
    """Make `over_`: the keys of these kinds whose blocks were too full."""
    engine.create(
        f"over_{level}",
        f"""select k.id, k.kind, k.h from keys_{level} k
        join blocks_{level} b on b.kind = k.kind and b.h = k.h
        left join usable_{level} u on u.kind = k.kind and u.h = k.h
        where u.h is null and k.kind in ({", ".join(map(str, sorted(onward)))})""",
    )
    for table in ("blocks", "usable"):
        engine.drop(f"{table}_{level}")


def _join_two(engine: Engine, number: dict[str, int], two: Sequence[tuple[int, int]]) -> None:
    engine.load_rows("joined", {"x": "int", "y": "int"}, two)
    engine.create(
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
    engine.create(
        "keys_3",
        f"""select a.id, cast(a.kind * 100 + b.kind as int) as kind, {engine.dialect.hash("a.h", "b.h")} as h
        from over_2 a join joined j on j.x = a.kind join over_1 b on b.id = a.id and b.kind = j.y""",
    )
    engine.drop("joined")
