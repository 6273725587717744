"""Raw columns straight to `columns.SCHEMA`, without a record for each row: what `make_record` makes of them. Pure.

A file of a million rows spends most of its reading on objects that live for a moment. Where no two columns have one
role, each column can be cleaned by itself; names alone are put together row by row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import pyarrow as pa

from identity.linkage import cleaning, columns
from identity.linkage.cleaning import sound
from identity.linkage.fields import Values, given_and_others, kin_of
from identity.linkage.levels import OTHER
from identity.linkage.role_names import ROLES

_MEMORY = 200_000
# Cleaned one value at a time. Full names and years of birth fill in for other columns, which takes the row.
_ALONE = frozenset({"given", "middle", "surname", "birth_date", "email", "phone", "number", "street", "house", "city",
                    "postcode", "sex"})  # fmt: skip
_GIVEN = ("given", "kin", "kin_bits", "formals", "others", "given_sounds", "given_starts")
_SEVERAL = ("emails", "phones", "numbers")


def possible(assigned: Iterable[str]) -> bool:
    """Whether columns of these roles can be cleaned each by itself."""
    told = [role for role in assigned if role in ROLES]
    return len(told) == len(set(told)) and _ALONE.issuperset(told)


def batch(
    raw: Mapping[str, Sequence[str]],
    further: Mapping[str, Sequence[str]],
    ids: Sequence[int],
    source: int,
    others: Sequence[str],
    keys: Sequence[str],
) -> pa.RecordBatch:
    """Rows as `columns.batch` makes them of their records: `raw` values by role, `further` by the column's name."""
    count = len(ids)
    empty = [""] * count

    def cleaned(role: str, clean: Callable[[str], str]) -> list[str]:
        return list(map(clean, raw[role])) if role in raw else empty

    addresses = list(map(cleaning.clean_street, raw.get("street", empty), raw.get("house", empty)))
    emails = cleaned("email", cleaning.clean_email)
    givens, middles, surnames = (cleaned(role, cleaning.clean_name) for role in ("given", "middle", "surname"))
    names, firsts = _names(givens, middles, surnames, emails)
    dates = _dates(cleaned("birth_date", cleaning.clean_date), emails, firsts, surnames)
    found: dict[str, Sequence[object] | pa.Array] = {
        "id": ids,
        "source": [source] * count,
        "key": keys,
        "birth_date": _filled(dates),
        "birth_number": list(map(columns.birth_number, dates)),
        "email": _filled(emails),
        "mailbox": [email.partition("@")[0] if email else None for email in emails],
        "phone": _filled(cleaned("phone", cleaning.clean_phone)),
        "number": _filled(cleaned("number", cleaning.alphanumeric)),
        "street": [street or None for street, _ in addresses],
        "house": [house or None for _, house in addresses],
        "city": _filled(cleaned("city", cleaning.clean_text)),
        "postcode": _filled(cleaned("postcode", cleaning.clean_postcode)),
        "sex": _filled(cleaned("sex", cleaning.clean_sex)),
    }
    found |= dict.fromkeys(_SEVERAL, [None] * count)
    found |= names
    for name in others:
        found[f"{OTHER}{name}"] = (
            _filled(map(cleaning.clean_text, further[name])) if name in further else [None] * count
        )
    return columns.assemble(found, others)


def _filled(values: Iterable[str]) -> list[str | None]:
    return [value or None for value in values]


def _dates(dates: list[str], emails: Sequence[str], givens: Sequence[str], surnames: Sequence[str]) -> list[str]:
    """Birth dates, and where there is none the year that a mailbox tells."""
    return [
        date or (cleaning.year_in_mailbox(email, given, surname) if email else "")
        for date, email, given, surname in zip(dates, emails, givens, surnames, strict=True)
    ]


def _names(
    givens: Sequence[str], middles: Sequence[str], surnames: Sequence[str], emails: Sequence[str]
) -> tuple[dict[str, pa.Array], list[str]]:
    """The columns of the names, and the given names as they are met. Each bearer's names are made once a batch."""
    firsts: list[str] = []
    place: dict[tuple[str, Values, str], int] = {}
    rows: list[int] = []
    met: list[str] = []
    for given, middle, surname, email in zip(givens, middles, surnames, emails, strict=True):
        first, others = given_and_others(given, middle, surname) if middle or " " in given else (given, ())
        if not first and surname and email:
            first = cleaning.given_in_mailbox(email, surname)
        firsts.append(first)
        rows.append(place.setdefault((first, others, "" if first else surname), len(place)))
        met.append(surname or first)
    made = [_given(*one) for one in place]
    found = {name: _spread(name, [row[n] for row in made], rows) for n, name in enumerate(_GIVEN)}
    found["surname"] = pa.array(_filled(surnames), columns.schema(()).field("surname").type)
    names = {name: n for n, name in enumerate(dict.fromkeys(met))}
    rows = [names[name] for name in met]
    known = [name if len(name) > 1 else None for name in names]
    found["surname_met"] = _spread("surname_met", known, rows)
    found["surname_sound"] = _spread("surname_sound", [name and sound(name) for name in known], rows)
    return found, firsts


def _spread(name: str, distinct: Sequence[object], rows: Sequence[int]) -> pa.Array:
    """A column of which row after row holds one of these values."""
    return pa.array(distinct, columns.schema(()).field(name).type).take(pa.array(rows, pa.int32()))


def _given(first: str, others: Values, alone: str) -> tuple[object, ...]:
    """The values of the columns `_GIVEN`; `alone` is the surname that stands alone."""
    sounds, starts = _met(first or alone, others)
    formals = _kin(first, ()) if first else None
    bits = columns.bits(kin_of(first, others))
    return first or None, _kin(first, others), bits, formals, columns.BETWEEN.join(others) or None, sounds, starts


@lru_cache(maxsize=_MEMORY)
def _kin(given: str, others: Values) -> str | None:
    """Every name that would be understood as the given name, where there is another."""
    kin = kin_of(given, others)
    return columns.BETWEEN.join(kin) if len(kin) > 1 else None


@lru_cache(maxsize=_MEMORY)
def _met(first: str, others: Values) -> tuple[list[str] | None, list[str] | None]:
    """How the names that may be met as a given name sound, and how they begin."""
    names = list(dict.fromkeys(name for name in (first, *others) if len(name) > 1))
    sounds = list(dict.fromkeys(map(sound, names)))
    starts = list(dict.fromkeys(name[:3] for name in names if len(name) > 2))
    return sounds or None, starts or None
