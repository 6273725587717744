"""The comparison levels as SQL over two records `a` and `b`: generated once, run by DuckDB and by Spark.

Missing is NULL. The text is ASCII folded or compared as UTF-8 bytes, so both engines and rapidfuzz give one number.
`a` and `b` have the columns of `columns.SCHEMA`.
"""

from collections.abc import Callable, Sequence

from identity.linkage import columns
from identity.linkage import levels as lv
from identity.linkage.bulk.dialects import Dialect, number


def only_if(cheap: str, costly: str) -> str:
    """Both, the second looked at only where the first holds: `and` alone computes both for every row."""
    return f"(case when {cheap} then {costly} else false end)"


def _unshared(a: str, b: str) -> str | None:
    """The bits in which the letters of two values differ, where they are counted (`columns.letters`)."""
    counted = all(value.partition(".")[2] in columns.LETTERED for value in (a, b))
    return f"xor({a}_letters, {b}_letters)" if counted else None


def slip(a: str, b: str, dialect: Dialect) -> str:
    """One edit or transposition, two in long names, not at both ends. In names of three letters it makes another name.

    The ends and the letters are looked at first: they are cheap, and most strangers differ in them. An edit changes at
    most two of the letters that there are.
    """
    shorter = f"least({dialect.bytes}({a}), {dialect.bytes}({b}))"
    bits = _unshared(a, b)
    at_ends = f"({bits} & {columns.FIRST} = 0 or {bits} & {columns.LAST} = 0)"
    most = f"case when {shorter} >= {lv.TWO_SLIPS_FROM} then 4 else 2 end"
    cheap = f"bit_count({bits} & {columns.LETTERS}) <= {most} and {at_ends} and " if bits else ""
    return (
        f"({cheap}(left({a}, 1) = left({b}, 1) or right({a}, 1) = right({b}, 1)) and "
        f"abs({dialect.bytes}({a}) - {dialect.bytes}({b})) <= 2 and {shorter} >= {lv.ONE_SLIP_FROM} and "
        f"damerau_levenshtein({a}, {b}) <= case when {shorter} >= {lv.TWO_SLIPS_FROM} then 2 else 1 end)"
    )


def alike(a: str, b: str, limit: float, dialect: Dialect) -> str:
    """Jaro-Winkler similarity above a limit.

    Of n letters that only one of two values has, none is matched: of texts no longer than L, Jaro's similarity is at
    most 1 - n / 3L, and a beginning in common takes at most .4 of what is missing off.
    """
    exact = f"jaro_winkler_similarity({a}, {b}) >= {limit}"
    bits = _unshared(a, b)
    if bits is None:
        return exact
    longer = f"greatest({dialect.bytes}({a}), {dialect.bytes}({b}))"
    # A little more than that, for what is rounded.
    most = [number((1 - limit) * factor + 1e-6) for factor in (5, 3)]
    begin = f"case when {bits} & {columns.FIRST} = 0 then {most[0]} else {most[1]} end"
    return f"(bit_count({bits} & {columns.LETTERS}) <= {begin} * {longer} and {exact})"


def _alike_names(a: str, b: str, dialect: Dialect) -> str:
    return f"coalesce({a} = {b} or {slip(a, b, dialect)}, false)"


_ONE_NAME = "((a.given is null) <> (a.surname is null) or (b.given is null) <> (b.surname is null))"


def _begins(a: str, b: str, dialect: Dialect) -> str:
    """One begins with the other: an initial, or a short form."""
    bits = _unshared(a, b)
    cheap = f"{bits} & {columns.FIRST} = 0 and " if bits else ""
    return f"({cheap}({dialect.begins}({a}, {b}) or {dialect.begins}({b}, {a})))"


def swapped(dialect: Dialect) -> str:
    """Whether given name and surname are exchanged, one as it is, the other perhaps short or with a slip."""

    def nearly(a: str, b: str) -> str:
        return f"({a} = {b} or {_begins(a, b, dialect)} or {slip(a, b, dialect)})"

    crossed = [
        only_if("a.given = b.surname", nearly("b.given", "a.surname")),
        only_if("b.given = a.surname", nearly("a.given", "b.surname")),
    ]
    either = "(a.given = b.surname or b.given = a.surname)"
    return only_if(f"{either} and a.given <> b.given and a.surname <> b.surname", f"({' or '.join(crossed)})")


def lone(dialect: Dialect) -> str:
    """Whether the only name of one is the other name of the other."""
    crossed = [_alike_names(f"a.{x}", f"b.{y}", dialect) for x, y in (("given", "surname"), ("surname", "given"))]
    unequal = " and ".join(f"coalesce(a.{name} <> b.{name}, true)" for name in ("given", "surname"))
    return only_if(f"{_ONE_NAME} and {unequal}", f"({crossed[0]} or {crossed[1]})")


def _meet(a: str, b: str, dialect: Dialect) -> str:
    """Whether two texts of several names have one in common."""
    several = f"(contains({a}, '{columns.BETWEEN}') or contains({b}, '{columns.BETWEEN}'))"
    lists = [f"{dialect.words}({names}, '{columns.BETWEEN}')" for names in (a, b)]
    return f"({a} = {b} or {only_if(several, dialect.overlaps(*lists))})"


def _share(names: str, dialect: Dialect) -> str:
    """Whether two people share one of these names; NULL is no other name than the given one."""
    a, b = (f"coalesce({x}.{names}, {x}.given)" for x in "ab")
    both = _meet(a, b, dialect)
    return (
        only_if(f"(a.kin_bits & b.kin_bits) <> 0 and (a.{names} is not null or b.{names} is not null)", both)
        if names in dialect.filled
        else "false"
    )


def _by_middle_name(dialect: Dialect) -> str:
    """Whether the given name of one is a middle name of the other."""
    if "others" not in dialect.filled:
        return "false"
    same = f"coalesce({_meet('a.others', 'b.others', dialect)}, false)"
    return f"((a.others is not null or b.others is not null) and {_share('kin', dialect)} and not {same})"


def given(dialect: Dialect) -> str:
    """Exact, a slip, nickname or initial, similar, different; swapped with the surname; a middle name of the other."""
    return f"""case
        when a.given is null or b.given is null then null
        when a.given = b.given then 0
        when {swapped(dialect)} then 5
        when {lone(dialect)} then null
        when {slip("a.given", "b.given", dialect)} then 1
        when {_share("formals", dialect)} or {_begins("a.given", "b.given", dialect)} then 2
        when {_by_middle_name(dialect)} then 6
        when {alike("a.given", "b.given", lv.SIMILAR_GIVEN, dialect)} then 3
        else 4 end"""


def middle(dialect: Dialect) -> str:
    """A middle name in common; a slip or an initial of the first ones; different; one has none; neither has one."""
    if "others" not in dialect.filled:
        return "cast(null as int)"
    a, b = (f"split_part({x}.others, '{columns.BETWEEN}', 1)" for x in "ab")
    initials = f"({dialect.bytes}({a}) = 1 and {a} = {b})"
    return f"""case
        when a.others is null and b.others is null then 4
        when a.others is null or b.others is null then 3
        when {_meet("a.others", "b.others", dialect)} and not {initials} then 0
        when {_begins(a, b, dialect)} or {slip(a, b, dialect)} then 1
        else 2 end"""


def surname(dialect: Dialect) -> str:
    """Exact, close, similar, different; or the only name of one of them, which the other bears on the other side.

    That the surnames of a woman differ is a level of its own: she may have married.
    """
    words = dialect.overlaps(f"{dialect.words}(a.surname, ' ')", f"{dialect.words}(b.surname, ' ')")
    return f"""case
        when {lone(dialect)} then 4
        when a.surname is null or b.surname is null then null
        when a.surname = b.surname then 0
        when {swapped(dialect)} then null
        when {slip("a.surname", "b.surname", dialect)} then 1
        when {alike("a.surname", "b.surname", lv.SIMILAR_SURNAME, dialect)}
          then case when {alike("a.surname", "b.surname", lv.CLOSE, dialect)} then 1 else 2 end
        when ((contains(a.surname, ' ') or contains(b.surname, ' ')) and {words}) then 2
        when coalesce(a.sex, b.sex) = 'f' and coalesce(b.sex, a.sex) = 'f' then 5
        else 3 end"""


def birth_date(dialect: Dialect) -> str:
    """Exact; a slip or day and month swapped; two parts or a month apart; a year apart; different.

    Where one is a year alone: the same year, or another.
    """
    a, b = "a.birth_number", "b.birth_number"

    def part(value: str, above: int, size: int) -> str:
        return f"({value} {dialect.divide} {above} % {size})"

    year = f"{a} {dialect.divide} 10000 = {b} {dialect.divide} 10000"
    month, day = f"{part(a, 100, 100)} = {part(b, 100, 100)}", f"{a} % 100 = {b} % 100"
    swapped = f"{year} and {a} % 10000 = {b} % 100 * 100 + {part(b, 100, 100)}"
    days = [f"({x} {dialect.divide} 10000 * 372 + {part(x, 100, 100)} * 31 + {x} % 100)" for x in (a, b)]
    apart = f"abs({days[0]} - {days[1]})"
    # One digit wrong, or two that follow each other exchanged, makes one of few differences.
    slips = sorted(
        {m * 10**n for n in range(8) for m in range(1, 10)} | {9 * m * 10**n for n in range(7) for m in range(1, 10)}
    )
    slipped = (
        f"abs({a} - {b}) in ({', '.join(map(str, slips))}) and damerau_levenshtein(a.birth_date, b.birth_date) <= 1"
    )
    return f"""case
        when {a} is null or {b} is null then null
        when {a} % 10000 = 0 or {b} % 10000 = 0 then case when {year} then 5 else 6 end
        when {a} = {b} then 0
        when ({slipped}) or ({swapped}) then 1
        when {year} and ({month} or {day}) or ({month} and {day}) or {apart} <= {lv.DAYS_PARTIAL} then 2
        when {year} or {apart} <= {lv.DAYS_WEAK} then 3
        else 4 end"""


def _exact(single: str, several: str, dialect: Dialect) -> str:
    """Whether two people share a value, of one or of several."""
    lists = [f"coalesce({x}.{several}, {dialect.array(f'{x}.{single}')})" for x in "ab"]
    one = f"a.{several} is null and b.{several} is null"
    if several not in dialect.filled:
        return f"a.{single} = b.{single}"
    return f"case when {one} then a.{single} = b.{single} else {dialect.overlaps(*lists)} end"


def _best(single: str, several: str, dialect: Dialect, level: Callable[[str, str], str]) -> str:
    """The least level of all combinations of the first values."""
    nth = range(1, lv.FUZZY_VALUES + 1)
    values = {x: [f"{x}.{single}", *(dialect.nth(f"{x}.{several}", n) for n in nth[1:])] for x in "ab"}
    every = [level(a, b) for a in values["a"] for b in values["b"]]
    one = f"a.{several} is null and b.{several} is null"
    if several not in dialect.filled:
        return every[0]
    return f"case when {one} then {every[0]} else least({', '.join(every)}) end"


def _digits(single: str, dialect: Dialect) -> str:
    several = f"{single}s"

    def level(a: str, b: str) -> str:
        """Two slips leave the first, the middle or the last three digits alone, unless they shift the middle."""
        parts = [f"left({{}}, {lv.DIGITS})", f"substr({{}}, {lv.DIGITS + 1}, {lv.DIGITS})", f"right({{}}, {lv.DIGITS})"]
        some = " or ".join(f"{part.format(a)} = {part.format(b)}" for part in parts)
        edits = f"least(3, greatest(1, damerau_levenshtein({a}, {b})))"
        return f"case when {a} is null or {b} is null then null when {some} then {edits} else 3 end"

    return f"""case
        when a.{single} is null or b.{single} is null then null
        when {_exact(single, several, dialect)} then 0
        else {_best(single, several, dialect, level)} end"""


def phone(dialect: Dialect) -> str:
    """Telephones, the best of all combinations: exact, one edit, two edits, different."""
    return _digits("phone", dialect)


def official_number(dialect: Dialect) -> str:
    """Numbers given to one person by an authority."""
    return _digits("number", dialect)


def email(dialect: Dialect) -> str:
    """The same mailbox; its name at another provider, a slip, similar, different; the best of all combinations."""

    def level(a: str, b: str) -> str:
        left, right = (_mailbox(one) for one in (a, b))
        domains = f"damerau_levenshtein(split_part({a}, '@', 2), split_part({b}, '@', 2))"
        return f"""case when {a} is null or {b} is null then null
            when {left} = {right} then case when {dialect.bytes}({left}) < 5 and {domains} > 1 then 2 else 1 end
            when {slip(left, right, dialect)} then 2
            when {alike(left, right, lv.SIMILAR_LOCAL, dialect)} then 3 else 4 end"""

    return f"""case
        when a.email is null or b.email is null then null
        when {_exact("email", "emails", dialect)} then 0
        else {_best("email", "emails", dialect, level)} end"""


def _mailbox(value: str) -> str:
    return value.replace(".email", ".mailbox") if value.endswith(".email") else f"split_part({value}, '@', 1)"


def location(dialect: Dialect) -> str:
    """All address fields are one fact; the best evidence decides."""
    same_place = "(coalesce(a.postcode = b.postcode, false) or coalesce(a.city = b.city, false))"
    no_place = "((a.postcode is null or b.postcode is null) and (a.city is null or b.city is null))"
    here = f"({same_place} or {no_place})"
    streets = "a.street is not null and b.street is not null"
    near_street = alike("a.street", "b.street", 0.9, dialect)
    slipped = slip("a.postcode", "b.postcode", dialect)
    near_city = alike("a.city", "b.city", lv.SIMILAR_PLACE, dialect)
    return f"""case
        when {no_place} and not ({streets}) then null
        when {streets} and coalesce(a.house = b.house, true) and a.street = b.street and {here} then 0
        when {streets} and a.street = b.street and a.house = b.house
          then case when coalesce({near_city} or {slipped}, false) then 1 else 6 end
        when {streets} and a.house = b.house and {here} and {near_street} then 1
        when a.postcode = b.postcode then 2
        when a.postcode <> b.postcode and coalesce(a.city = b.city, true) and {slipped} then 3
        when a.city = b.city or (a.city <> b.city and {near_city}) then 4
        else 5 end"""


def sex(_: Dialect) -> str:
    """Only where the given names differ: a given name tells the sex already."""
    return """case when a.sex is null or b.sex is null or coalesce(a.given = b.given, false) then null
        when a.sex = b.sex then 0 else 1 end"""


def other(column: str, dialect: Dialect) -> str:
    """A further column of a file: exact, similar, different."""
    a, b = f'a."{column}"', f'b."{column}"'
    return f"""case when {a} is null or {b} is null then null when {a} = {b} then 0
        when {slip(a, b, dialect)} or {alike(a, b, lv.SIMILAR_OTHER, dialect)} then 1 else 2 end"""


_FACTS: dict[str, Callable[[Dialect], str]] = {
    "given": given,
    "middle": middle,
    "surname": surname,
    "birth_date": birth_date,
    "phone": phone,
    "email": email,
    "number": official_number,
    "location": location,
    "sex": sex,
}


def level_columns(comparisons: Sequence[str], dialect: Dialect) -> dict[str, str]:
    """An expression for the level of each fact, by the fact's name; e-mail is one, its versions come afterwards."""
    facts = {name: function(dialect) for name, function in _FACTS.items()}
    facts["streets"] = "a.street is not null and b.street is not null"
    return facts | {name: other(name, dialect) for name in comparisons if name.startswith(lv.OTHER)}


def versions(comparisons: Sequence[str]) -> dict[str, str]:
    """The comparisons from the facts: which version of e-mail counts is told by the names that are shared."""
    shared = """(case when given = 5 then 2
        else coalesce(cast(given in (0, 1, 2, 6) as int), 0) + coalesce(cast(surname in (0, 1) as int), 0) end)"""
    found = {f"email_{n}": f"case when {shared} = {n} then email end" for n in (0, 1, 2)}
    # Two that agree crosswise have used up their middle names.
    found |= {"middle": "case when given = 6 then null else middle end"}
    found |= {"location": "case when streets then location end", "place": "case when not streets then location - 2 end"}
    return {name: found.get(name, f'"{name}"') for name in comparisons}
