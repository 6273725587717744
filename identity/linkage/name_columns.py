"""Which columns hold names and towns, by their values. Pure.

Names show themselves by the given names everybody knows, by turning up in the mailboxes of the same rows, and by
telling the sex. Columns are aligned: row n of each is one record.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TypeVar

from identity.linkage import cleaning

IGNORE = "ignore"
# Most values of a column that are looked at.
SAMPLE = 2_000

# Shares of given names that are in the list of those everybody knows, at home and abroad.
_WELL_KNOWN, _ABROAD = 0.4, 0.1
# So many rows tell something.
_SOME = 8

T = TypeVar("T")
Columns = Mapping[str, Sequence[str]]
_WORDS = re.compile(r"[^\W\d_]+(?:(?:, ?|[ '’.\-]+)[^\W\d_]+)*\.?")


class _Table:
    """The columns of words of a table, and what is known of the rest."""

    def __init__(self, columns: Columns, known: Mapping[str, str | None]) -> None:
        self.columns, self.found = columns, dict[str, str]()
        self.taken = {role for role in known.values() if role}
        self.free = [name for name, role in known.items() if role is None and _wordy(columns[name])]
        by_role = {role: name for name, role in known.items() if role}
        self.by_role = {role: columns[name] for role, name in by_role.items()}
        self.told = {name: _in_mailboxes(columns[name], self.by_role.get("email")) for name in self.free}
        # Whether mailboxes are made of names here.
        self.made = any(share >= 0.1 for share in self.told.values())

    def take(self, name: str, role: str) -> None:
        self.found[name] = role
        self.taken.add(role)
        self.free.remove(name)


def recognise(columns: Columns, known: Mapping[str, str | None]) -> dict[str, str]:
    """The roles of columns that consist of words, of those that have none yet."""
    table = _Table(columns, known)
    alone = table.taken.isdisjoint({"given", "surname"})
    for name in list(table.free):
        if _wholes(name, table) or (alone and _is_full(columns[name])):
            table.take(name, IGNORE if "full" in table.taken else "full")
    parted = [name for name in columns if (known[name] or table.found.get(name)) in ("given", "surname")]
    if "full" not in table.taken or parted or any(_wholes(name, table) for name in table.found):
        _take_names(table)
    _take_city(table)
    return table.found


def _take_names(table: _Table) -> None:
    shares = {name: _share(_clean(table.columns[name]), _is_given) for name in table.free}
    names = _given_like(shares, table)
    if "given" not in table.taken and names:
        best = _given(names, shares, table)
        names.remove(best)
        table.take(best, "middle" if "middle" not in table.taken and _between(best, table) else "given")
    elif "given" not in table.taken and (unheard := _unheard(table)):
        table.take(unheard, "given")
    # Where mailboxes are made of names, a column of given names that is in none holds no surnames.
    possible = [name for name in table.free if not (table.made and name in names and table.told[name] < 0.1)]
    if possible and "surname" not in table.taken and (surname := _surname(possible, table)):
        table.take(surname, "surname")
    # Of few words, as colours are, some are names too.
    middles = [name for name in names if name in table.free and table.told[name] < 0.1 and _many(name, table)]
    told = "given" in table.taken and (table.made or "surname" in table.taken)
    if "middle" not in table.taken and told and len(middles) == 1:
        table.take(middles[0], "middle")


def _take_city(table: _Table) -> None:
    if "city" in table.taken or table.taken.isdisjoint({"given", "surname", "full"}):
        return
    cities = [
        name for name in table.free
        if table.told[name] < 0.05 and _many(name, table) and _filled(table.columns[name]) > 0.3
    ]  # fmt: skip
    if len(cities) == 1:
        table.take(cities[0], "city")


def _given(names: Sequence[str], shares: Mapping[str, float], table: _Table) -> str:
    """Of the columns that hold given names, the one that people are called by: a middle name is not in their mailboxes,
    and many have none."""
    filled = {name: _filled(table.columns[name]) for name in names}
    likely = [name for name in names if filled[name] >= 0.8 * max(filled.values())]
    likely = [name for name in likely if table.told[name] >= 0.1] or likely
    return max(likely, key=lambda name: shares[name])


def _between(best: str, table: _Table) -> bool:
    """Whether a column of given names holds middle names, though no other holds given names: everybody is called by
    something, and mailboxes are made of it."""
    others = [name for name in table.free if name != best]
    if table.told[best] >= 0.1 or not others:
        return False
    fullest = max(_filled(table.columns[name]) for name in others)
    return (table.made or "email" not in table.by_role) and _filled(table.columns[best]) < 0.7 * fullest


def _given_like(shares: Mapping[str, float], table: _Table) -> list[str]:
    """The columns of given names. Where few are in the list of those everybody knows, as abroad, many more of them must
    be than of another column of names: some surnames are given names, too."""
    most = max(shares.values(), default=0.0)
    names = [name for name in table.free if shares[name] >= 0.8 * most]
    if most >= _WELL_KNOWN:
        return names
    rivals = [shares[name] for name in _name_like(table) if name not in names]
    return names if most >= _ABROAD and rivals and most >= 3 * max(rivals) else []


def _name_like(table: _Table) -> list[str]:
    """The columns of words that may be names: in the mailboxes where those are made of names, else of many values that
    do not follow from the postcode."""
    if table.made:
        return [name for name in table.free if table.told[name] >= 0.1]
    postcodes = table.by_role.get("postcode")
    return [
        name
        for name in table.free
        if _variety(table.columns[name]) >= 20 and (postcodes is None or not determines(postcodes, table.columns[name]))
    ]


def _unheard(table: _Table) -> str | None:
    """A column of given names that are in no list: they tell the sex; or of two columns of names the one that mailboxes
    shorten, or that people of one home do not share.

    Without any of this neither is taken: households would be one person if their surname were taken for a given name.
    """
    likely = _name_like(table)
    sexes = table.by_role.get("sex")
    telling = [name for name in likely if sexes and determines(table.columns[name], sexes, share=0.9)]
    if len(telling) == 1:
        return telling[0]
    if "surname" in table.taken:
        return likely[0] if table.made and len(likely) == 1 else None
    if len(likely) != 2:
        return None
    one, other = (table.columns[name][:SAMPLE] for name in likely)
    for first, second in (
        (_shortened(one, other, table), _shortened(other, one, table)),
        (_in_one_home(other, one, table), _in_one_home(one, other, table)),
    ):
        if first + second >= _SOME and max(first, second) >= 3 * min(first, second):
            return likely[0] if first > second else likely[1]
    return None


def _shortened(short: Sequence[str], whole: Sequence[str], table: _Table) -> int:
    """How many mailboxes are an initial of one name and all of the other: `moduya@` is Mary's."""
    mailboxes = table.by_role.get("email", ())[:SAMPLE]
    rows = zip(short, whole, (_letters(mail.partition("@")[0]) for mail in mailboxes), strict=False)
    return sum(len(b) > 2 and bool(a) and mail == _letters(a)[:1] + _letters(b) for a, b, mail in rows)


def _in_one_home(shared: Sequence[str], own: Sequence[str], table: _Table) -> int:
    """How many neighbours in a column of streets or telephones share one name and not the other."""
    found = 0
    for role in ("street", "phone"):
        rows = zip(table.by_role.get(role, ())[:SAMPLE], shared, own, strict=False)
        known = sorted((home, a, b) for home, a, b in rows if home and a and b)
        found += sum(x[:2] == y[:2] and x[2] != y[2] for x, y in pairwise(known))
    return found


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, cleaning.fold(text)))


def _surname(possible: Sequence[str], table: _Table) -> str | None:
    """Who is told by the mailboxes; else the column of the most values, unless the postcode determines it."""
    best = max(possible, key=lambda name: table.told[name])
    if table.told[best] >= 0.1:
        return best
    postcodes = table.by_role.get("postcode")
    free = [name for name in possible if postcodes is None or not determines(postcodes, table.columns[name])]
    best = max(free, key=lambda name: _variety(table.columns[name]) * _single(table.columns[name]), default="")
    return best if best and _variety(table.columns[best]) >= 20 else None


def _wholes(name: str, table: _Table) -> bool:
    """Whether a column holds what two others hold, as a full name does."""
    words = [other for other in table.told if other != name]
    held = [other for other in words if contains(table.columns[name], [table.columns[other]]) > 0.6]
    return len(held) >= 2


def _is_full(values: Sequence[str]) -> bool:
    """Whether values are given names and surnames together: two words or more, hardly two rows alike."""
    cleaned = _clean(values)
    several = [words for value in cleaned if len(words := value.split()) > 1]
    if len(several) < 0.8 * len(cleaned) or _variety(values) < 0.5 * len(cleaned):
        return False
    return _share(several, lambda words: any(map(_is_given, words))) >= 0.4


def contains(values: Sequence[str], parts: Sequence[Sequence[str]]) -> float:
    """In which share of the rows that have all of them the value contains every part."""
    rows = [row for row in zip(values[:SAMPLE], *(part[:SAMPLE] for part in parts), strict=True) if all(row)]
    whole = [set(cleaning.clean_words(row[0]).split()) for row in rows]
    inside = [
        all(set(cleaning.clean_words(p).split()) <= words for p in row[1:])
        for row, words in zip(rows, whole, strict=True)
    ]
    return sum(inside) / max(len(rows), 1)


def determines(left: Sequence[str], right: Sequence[str], *, share: float = 0.75) -> bool:
    """Whether rows that agree on the left agree on the right, in at least that share of them."""
    by_left: dict[str, list[str]] = {}
    for a, b in zip(left, right, strict=True):
        if a and b:
            by_left.setdefault(cleaning.alphanumeric(a), []).append(cleaning.clean_words(b))
    groups = [group for group in by_left.values() if len(group) > 1]
    if not groups:
        return False
    most = sum(max(map(group.count, set(group))) for group in groups)
    return most / sum(map(len, groups)) > share


def _wordy(values: Sequence[str]) -> bool:
    present = [value.strip() for value in values[:SAMPLE] if value and value.strip()]
    return len(present) >= 3 and _share(present, lambda v: bool(_WORDS.fullmatch(v)) and len(v) <= 40) > 0.8


def _share(values: Sequence[T], test: Callable[[T], bool]) -> float:
    return sum(map(test, values)) / max(len(values), 1)


def _filled(values: Sequence[str]) -> float:
    return sum(map(bool, values[:SAMPLE])) / max(len(values[:SAMPLE]), 1)


def _single(values: Sequence[str]) -> float:
    """The share of rows with one word: surnames mostly are, towns and streets often not."""
    return sum(bool(value) and " " not in value.strip() for value in values[:SAMPLE]) / max(len(values[:SAMPLE]), 1)


def _clean(values: Iterable[str]) -> list[str]:
    return [clean for value in list(values)[:SAMPLE] if value and (clean := cleaning.clean_name(value))] or [""]


def _variety(values: Sequence[str]) -> int:
    return len(set(_clean(values)))


def _many(name: str, table: _Table) -> bool:
    return _variety(table.columns[name]) > 10


@cache
def _given_names() -> Collection[str]:
    from nicknames import NickNamer

    lookup = NickNamer.default_lookup() if hasattr(NickNamer, "default_lookup") else NickNamer()._nickname_lookup
    names = {name for formal, shorts in lookup.items() for name in (formal, *shorts)}
    return frozenset(map(cleaning.fold, names))


def _is_given(name: str) -> bool:
    return name.partition(" ")[0] in _given_names()


def _in_mailboxes(values: Sequence[str], mailboxes: Sequence[str] | None) -> float:
    """How often a value of three letters or more is part of the mailbox in the same row."""
    if mailboxes is None:
        return 0.0
    rows = list(zip(values[:SAMPLE], mailboxes[:SAMPLE], strict=True))
    pairs = [(cleaning.clean_name(v), m.partition("@")[0].lower()) for v, m in rows if v and m]
    return sum(len(v) >= 3 and v in m for v, m in pairs) / max(len(pairs), 1)
