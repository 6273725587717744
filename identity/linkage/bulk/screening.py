"""Which candidates a stored model cannot want, told by numbers alone, as SQL for DuckDB.

A stored model keeps one candidate in ten, and bringing the texts of two records to a pair costs as much as comparing
them. So each record is told in numbers first: which letters its values are made of and how long they are
(`columns.letters`), its date, hashes of what is only ever equal or not. For each fact they leave some levels open, and
the best of these bounds what the fact can add. A pair whose bounds together fall short goes no further: none that
`learning.keep` would keep is lost, for equal texts have equal numbers.
"""

import math
from collections.abc import Callable, Collection, Sequence

from identity.linkage import columns
from identity.linkage import levels as lv
from identity.linkage.bulk.engine import Engine
from identity.linkage.model import Model

# A pattern that is less likely a match, or a household, than this (nats) is of no interest.
LEAST_MATCH, LEAST_HOUSEHOLD = -11.0, -2.0
# Both bounds are whole numbers of this part of a nat, rounded up, and stand in one number, the match in the lower half.
_PART, _HALF = 1 << 16, 1 << 32
_EMAIL = ("email_0", "email_1", "email_2")
# Of a telephone or a number each third is hashed to so many bits.
_THIRD = 20
_ONE_THIRD = (1 << _THIRD) - 1
_SEVERAL = ("emails", "phones", "numbers")
_DAYS, _MONTH, _YEAR = 127, 1 << 7, 1 << 14
_MONTHS = _DAYS * _MONTH


class _Bounds:
    """The most that the levels left open can add, as literals."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def most(self, comparisons: str | Sequence[str], levels: Collection[int], *, missing: bool = False) -> str:
        """Of these levels in any of the comparisons; `missing`: or nothing, where the fact may not count."""
        named = [comparisons] if isinstance(comparisons, str) else comparisons
        found = []
        for row in (0, 2):
            tables = [self._model.tables[one] for one in named]
            ratios = [float(table[row, level] - table[1, level]) for table in tables for level in levels]
            found.append(math.ceil(max(*ratios, 0.0 if missing else ratios[0]) * _PART))
        return f"cast({found[0] + found[1] * _HALF} as bigint)"


def screen(engine: Engine, pairs: str, model: Model, *, base: int, filled: Collection[str], name: str) -> None:
    """Make `name (l, r)` of those pairs that may be of a pattern that is kept, in a base of so many records.

    `filled` are the lists of several values that hold anything.
    """
    _make_marks(engine, model, filled)
    engine.scratch(name, _within_bounds(pairs, model, base=base))
    engine.drop("marks")


def _make_marks(engine: Engine, model: Model, filled: Collection[str]) -> None:
    """Make `marks`: each record in numbers. A missing text has no letters, and a missing value no number."""
    for name, value in (("formal", "coalesce(formals, given)"), ("other", "others")):
        engine.scratch(
            f"{name}_bits",
            f"""select v, bit_or(cast(1 as bigint) << cast(hash(word) % 62 as int)) as bits from (
                select v, unnest(string_split(v, '{columns.BETWEEN}')) as word
                from (select distinct {value} as v from records)) where v is not null group by v""",
        )
    engine.scratch(
        "names",
        """select v, row_number() over () as code
        from (select given as v from records union select surname from records) where v is not null""",
    )
    first = f"split_part(r.others, '{columns.BETWEEN}', 1)"
    sizes = " + ".join(
        f"(coalesce(least(strlen(r.{name}), 255), 0) << {8 * n})" for n, name in enumerate(columns.LETTERED)
    )
    number = "cast(r.birth_number as bigint)"
    held = {
        **{f"{name}_letters": f"r.{name}_letters" for name in columns.LETTERED},
        "sizes": sizes,
        "given": "g.code",
        "surname": "s.code",
        "kin_bits": "r.kin_bits",
        "formal_bits": "f.bits",
        "other_bits": "o.bits",
        "other_first": f"ascii({first})",
        "other_last": f"ascii(right({first}, 1))",
        "born": f"{number} // 10000 * {_YEAR} + {number} // 100 % 100 * {_MONTH} + {number} % 100",
        **{name: _thirds(f"r.{name}") for name in ("phone", "number")},
        "several": " or ".join(f"r.{name} is not null" for name in _SEVERAL if name in filled) or "false",
        "house": "case when r.house is not null then hash(r.house) end",
        "sex": "ascii(r.sex)",
        **{one: f'case when r."{one}" is not null then hash(r."{one}") end' for one in _further(model)},
    }
    engine.scratch(
        "marks",
        f"""select r.id, {", ".join(f'{sql} as "{name}"' for name, sql in held.items())} from records r
        left join names g on g.v = r.given left join names s on s.v = r.surname
        left join formal_bits f on f.v = coalesce(r.formals, r.given) left join other_bits o on o.v = r.others""",
    )
    for name in ("formal_bits", "other_bits", "names"):
        engine.drop(name)


def _thirds(value: str) -> str:
    """The parts of which one must agree where a slip is looked for (`expressions.some_digits`), as hashes."""
    parts = (
        f"left({value}, {lv.DIGITS})", f"substr({value}, {lv.DIGITS + 1}, {lv.DIGITS})", f"right({value}, {lv.DIGITS})"
    )  # fmt: skip
    packed = " | ".join(f"((hash({part}) & {_ONE_THIRD}) << {_THIRD * n})" for n, part in enumerate(parts))
    return f"case when {value} is not null then cast({packed} as bigint) end"


def _further(model: Model) -> list[str]:
    return [one for one in model.comparisons if one.startswith(lv.OTHER)]


def _within_bounds(pairs: str, model: Model, *, base: int) -> str:
    prior = model.log_prior(base)
    match, household = (
        math.floor((least - (prior[row] - prior[1])) * _PART) - 1
        for row, least in ((0, LEAST_MATCH), (2, LEAST_HOUSEHOLD))
    )
    bounds = _Bounds(model)
    facts = [fact(bounds, model) for fact in _FACTS] + [_other(bounds, one) for one in _further(model)]
    # Half of the lower half is added, so that nothing is borrowed from the upper one.
    return f"""select l, r from (
            select p.l, p.r, {" + ".join(facts)} + {_HALF // 2} as most
            from {pairs} p join marks a on a.id = p.l join marks b on b.id = p.r) as bounded
        where most >= {(household + 1) * _HALF} or most & {_HALF - 1} > {match + _HALF // 2}"""


def _unlike(name: str) -> str:
    return f"xor(a.{name}_letters, b.{name}_letters)"


def _equal(name: str) -> str:
    """Whether two texts may be equal."""
    return f"a.{name}_letters = b.{name}_letters"


def _missing(name: str) -> str:
    return f"(a.{name}_letters is null or b.{name}_letters is null)"


def _size(side: str, name: str) -> str:
    return f"({side}.sizes >> {8 * columns.LETTERED.index(name)} & 255)"


def _may_slip(name: str) -> str:
    """What numbers tell of `expressions.slip`."""
    bits, (x, y) = _unlike(name), (_size(side, name) for side in "ab")
    count, shorter = f"bit_count({bits} & {columns.LETTERS})", f"least({x}, {y})"
    return (
        f"({count} <= 4 and ({bits} & {columns.FIRST} = 0 or {bits} & {columns.LAST} = 0) and abs({x} - {y}) <= 2 "
        f"and {shorter} >= case when {count} <= 2 then {lv.ONE_SLIP_FROM} else {lv.TWO_SLIPS_FROM} end)"
    )


def _may_be_alike(name: str, limit: float) -> str:
    """What numbers tell of `expressions.alike`, in thousandths and rounded up."""
    bits, longer = _unlike(name), f"greatest({', '.join(_size(side, name) for side in 'ab')})"
    same_start, other = (math.ceil((1 - limit) * factor * 1000) + 1 for factor in (5, 3))
    most = f"case when {bits} & {columns.FIRST} = 0 then {same_start} else {other} end"
    return f"bit_count({bits} & {columns.LETTERS}) * 1000 <= {most} * {longer}"


_CROSSWISE = "(a.given = b.surname or b.given = a.surname)"
_ONE_NAME = " or ".join(f"({side}.given is null) <> ({side}.surname is null)" for side in "ab")
_RELATED = "(a.kin_bits & b.kin_bits) <> 0"


def _given(bounds: _Bounds, model: Model) -> str:
    most, bits = bounds.most, _unlike("given")
    # Of two that begin alike the shorter one has no letter that the other has not.
    begins = " or ".join(f"{bits} & {side}.given_letters & {columns.LETTERS} = 0" for side in "ab")
    return f"""case
        when a.given is null or b.given is null then 0
        when a.given = b.given then {most("given", [0])}
        when {_CROSSWISE} then {most("given", range(7), missing=True)}
        when {_ONE_NAME} then {most("given", [1, 2, 3, 4, 6], missing=True)}
        when {_may_slip("given")} then {most("given", [1, 2, 3, 4, 6])}
        when {bits} & {columns.FIRST} = 0 and ({begins}) then {most("given", [2, 3, 4, 6])}
        when (a.formal_bits & b.formal_bits) <> 0 then {most("given", [2, 3, 4, 6])}
        {_known_aliases(model, most("given", [2, 3, 4, 6]))}
        when {_may_be_alike("given", lv.SIMILAR_GIVEN)} then {most("given", [3, 4, 6])}
        when {_RELATED} then {most("given", [4, 6])}
        else {most("given", [4])} end"""


def _known_aliases(model: Model, most: str) -> str:
    """The letters of names that the model has learned to be related differ in one of few ways."""
    if not model.aliases:
        return ""
    x, y = (columns.letters_of([pair[end] for pair in model.aliases]) for end in (0, 1))
    ways = sorted({one ^ other for one, other in zip(x, y, strict=True)})
    return f"when {_unlike('given')} in ({', '.join(map(str, ways))}) then {most}"


def _middle(bounds: _Bounds, _: Model) -> str:
    most = bounds.most
    # Where the given name of one is a middle name of the other, middle names do not count.
    ends = "(a.other_first = b.other_first or a.other_last = b.other_last)"

    def bound(levels: Collection[int]) -> str:
        strict, loose = most("middle", levels), most("middle", levels, missing=True)
        return strict if strict == loose else f"case when {_RELATED} then {loose} else {strict} end"

    return f"""case
        when a.other_bits is null and b.other_bits is null then {most("middle", [4])}
        when a.other_bits is null or b.other_bits is null then {bound([3])}
        when (a.other_bits & b.other_bits) <> 0 then {bound([0, 1, 2])}
        when {ends} then {bound([1, 2])} else {bound([2])} end"""


def _surname(bounds: _Bounds, _: Model) -> str:
    most = bounds.most
    spaces = f"(a.surname_letters | b.surname_letters) & {columns.SPACE} <> 0"
    return f"""case
        when {_ONE_NAME} then {most("surname", range(6), missing=True)}
        when a.surname is null or b.surname is null then 0
        when a.surname = b.surname then {most("surname", [0])}
        when {_CROSSWISE} then {most("surname", [1, 2, 3, 5], missing=True)}
        when {_may_slip("surname")} or {_may_be_alike("surname", lv.CLOSE)} then {most("surname", [1, 2, 3, 5])}
        when {spaces} or {_may_be_alike("surname", lv.SIMILAR_SURNAME)} then {most("surname", [2, 3, 5])}
        when a.sex = {ord("m")} or b.sex = {ord("m")} then {most("surname", [3])}
        else {most("surname", [3, 5])} end"""


def _birth_date(bounds: _Bounds, _: Model) -> str:
    def most(*levels: int) -> str:
        return bounds.most("birth_date", levels)

    unlike = "xor(a.born, b.born)"
    year, day = f"{unlike} < {_YEAR}", f"{unlike} & {_DAYS} = 0"
    year_alone = " or ".join(f"{side}.born & {_YEAR - 1} = 0" for side in "ab")
    apart = (
        f"abs((a.born // {_YEAR} - b.born // {_YEAR}) * 372 + "
        f"((a.born & {_MONTHS}) - (b.born & {_MONTHS})) // {_MONTH} * 31 + (a.born & {_DAYS}) - (b.born & {_DAYS}))"
    )
    # One digit wrong, or two exchanged that follow each other, leave the year or the day as it is.
    return f"""case
        when a.born is null or b.born is null then 0
        when {year_alone} then case when {year} then {most(5)} else {most(6)} end
        when {unlike} = 0 then {most(0)}
        when {year} or {day} then {most(1, 2, 3, 4)}
        when {apart} <= {lv.DAYS_PARTIAL} then {most(2)}
        when {apart} <= {lv.DAYS_WEAK} then {most(3)}
        else {most(4)} end"""


def _digits(name: str) -> Callable[[_Bounds, Model], str]:
    def fact(bounds: _Bounds, _: Model) -> str:
        unlike = f"xor(a.{name}, b.{name})"
        some = " or ".join(f"{unlike} & {_ONE_THIRD << _THIRD * n} = 0" for n in range(3))
        return f"""case
            when {unlike} is null then 0
            when a.several or b.several or {unlike} = 0 then {bounds.most(name, range(4))}
            when {some} then {bounds.most(name, [1, 2, 3])}
            else {bounds.most(name, [3])} end"""

    return fact


def _email(bounds: _Bounds, _: Model) -> str:
    def most(levels: Collection[int]) -> str:
        """A mailbox that is made of names says less to those who share one."""
        shared, none = bounds.most(_EMAIL[1:], levels), bounds.most(_EMAIL, levels)
        return f"case when a.given = b.given or a.surname = b.surname then {shared} else {none} end"

    return f"""case
        when {_missing("mailbox")} then 0
        when a.several or b.several or {_equal("mailbox")} then {most(range(5))}
        when {_may_slip("mailbox")} then {most([2, 3, 4])}
        when {_may_be_alike("mailbox", lv.SIMILAR_LOCAL)} then {most([3, 4])}
        else {most([4])} end"""


def _location(bounds: _Bounds, _: Model) -> str:
    most = bounds.most
    slip, other_city = _may_slip("postcode"), "a.city_letters <> b.city_letters"
    return f"""case
        when a.street_letters is not null and b.street_letters is not null then case
            when {_equal("street")} and coalesce(a.house = b.house, true) then {most("location", range(7))}
            when a.house = b.house and {_may_be_alike("street", 0.9)} then {most("location", [1, 2, 3, 4, 5])}
            when {_equal("postcode")} then {most("location", [2, 3, 4, 5])}
            when {other_city} then case when {_may_be_alike("city", lv.SIMILAR_PLACE)}
                then {most("location", [4, 5])} else {most("location", [5])} end
            when {slip} then {most("location", [3, 4, 5])}
            else {most("location", [4, 5])} end
        when {_missing("postcode")} and {_missing("city")} then 0
        when {_equal("postcode")} then {most("place", range(4))}
        when {other_city} then case when {_may_be_alike("city", lv.SIMILAR_PLACE)}
            then {most("place", [2, 3])} else {most("place", [3])} end
        when {slip} then {most("place", [1, 2, 3])}
        when {_equal("city")} then {most("place", [2, 3])}
        else {most("place", [3])} end"""


def _sex(bounds: _Bounds, _: Model) -> str:
    """Two of one given name are not compared by it."""
    most = bounds.most
    return f"""case
        when a.sex is null or b.sex is null then 0
        when a.sex = b.sex then {most("sex", [0], missing=True)}
        when coalesce(a.given = b.given, false) then 0
        else {most("sex", [1])} end"""


def _other(bounds: _Bounds, comparison: str) -> str:
    a, b = f'a."{comparison}"', f'b."{comparison}"'
    return f"""case when {a} is null or {b} is null then 0
        when {a} = {b} then {bounds.most(comparison, range(3))} else {bounds.most(comparison, [1, 2])} end"""


_FACTS = (_given, _middle, _surname, _birth_date, _digits("phone"), _digits("number"), _email, _location, _sex)
