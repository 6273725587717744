"""Comparison levels: missing is not different, fact by fact; and what the levels mean."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.linkage.comparing import compare
from identity.linkage.explaining import waterfall
from identity.linkage.fields import Record, record_of
from identity.linkage.levels import LEVELS, MISSING, STANDARD, field_of
from identity.linkage.model import Model
from tests.linkage.world import MARY

FULL = replace(record_of({**MARY, "gender": "f"}), numbers=("123456789",))
OTHER = Record(
    given="bert", surname="zimmer", birth_date="19900105", emails=("bz@post.org",), phones=("999888777",),
    numbers=("987654321",), street="harbor road", house="7", city="tulsa", postcode="74101", sex="m",
)  # fmt: skip
# The fields of a record that each fact is made of.
FIELDS: dict[str, dict[str, Any]] = {
    "given": {"given": ""},
    "surname": {"surname": ""},
    "birth_date": {"birth_date": ""},
    "phone": {"phones": ()},
    "email": {"emails": ()},
    "number": {"numbers": ()},
    "location": {"street": "", "house": "", "city": "", "postcode": ""},
    "sex": {"sex": ""},
}


def levels_of(a: Record, b: Record) -> dict[str, str]:
    """The levels of one pair in words; missing ones are left out."""
    (row,) = compare({1: a, 2: b}, [(1, 2)])
    return {
        field_of(name): LEVELS[field_of(name)][level]
        for name, level in zip(STANDARD, row, strict=True)
        if level != MISSING
    }


@pytest.mark.parametrize("fact", FIELDS)
def test_a_missing_value_says_nothing(fact: str) -> None:
    with_all = levels_of(FULL, OTHER)
    assert with_all[fact] in ("different",)
    for a, b in ((replace(FULL, **FIELDS[fact]), OTHER), (FULL, replace(OTHER, **FIELDS[fact]))):
        assert fact not in levels_of(a, b)


@pytest.mark.parametrize("fact", FIELDS)
def test_a_missing_value_weighs_nothing(fact: str) -> None:
    model = Model.from_json({})
    thin = replace(OTHER, **FIELDS[fact])
    scored = model.score(compare({1: FULL, 2: thin}, [(1, 2)]), {}, base=50_000)
    assert fact not in {part.field for part in waterfall(scored, 0, model)}


CASES = [
    ("given", {"given": "robert"}, {"given": "bob"}, "related"),
    ("given", {"given": "katherine"}, {"given": "katharine"}, "near"),
    ("given", {"given": "mia"}, {"given": "mai"}, "different"),
    ("given", {"given": "jean"}, {"given": "luc", "others": ("jean",)}, "a middle name"),
    ("given", {"given": "jean", "others": ("paul",)}, {"given": "luc", "others": ("paul",)}, "different"),
    ("middle", {"others": ("paul", "ann")}, {"others": ("ann",)}, "exact"),
    ("middle", {"others": ("p",)}, {"others": ("p",)}, "near"),
    ("middle", {"others": ("paul",)}, {"others": ("p",)}, "near"),
    ("middle", {"others": ("paul",)}, {"others": ("ann",)}, "different"),
    ("middle", {"others": ("paul",)}, {}, "one has none"),
    ("middle", {}, {}, "neither has one"),
    ("given", {"given": "g"}, {"given": "george"}, "related"),
    ("given", {"given": "al"}, {"given": "aliza"}, "related"),
    ("given", {"given": "oduya", "surname": "mary"}, {"given": "mary", "surname": "oduya"}, "swapped"),
    ("given", {"given": "oduya", "surname": "m"}, {"given": "mary", "surname": "oduya"}, "swapped"),
    ("given", {"given": "odyua", "surname": "mary"}, {"given": "mary", "surname": "oduya"}, "swapped"),
    ("surname", {"surname": "oduya"}, {"surname": "odyua"}, "close"),
    ("surname", {"surname": "strettell harrison"}, {"surname": "harrison"}, "similar"),
    ("surname", {"given": "oduya"}, {"given": "mary", "surname": "oduya"}, "the only name"),
    ("surname", {"surname": "mary"}, {"given": "mary", "surname": "oduya"}, "the only name"),
    ("surname", {"surname": "smith"}, {"surname": "castellano"}, "different"),
    ("surname", {"surname": "smith", "sex": "f"}, {"surname": "castellano"}, "different, a woman"),
    ("surname", {"surname": "smith", "sex": "f"}, {"surname": "castellano", "sex": "m"}, "different"),
    ("birth_date", {"birth_date": "19840312"}, {"birth_date": "19841203"}, "near"),
    ("birth_date", {"birth_date": "19840312"}, {"birth_date": "19840402"}, "partial"),
    ("birth_date", {"birth_date": "19840312"}, {"birth_date": "19841127"}, "weak"),
    ("birth_date", {"birth_date": "19840312"}, {"birth_date": "19840000"}, "the same year"),
    ("birth_date", {"birth_date": "19840000"}, {"birth_date": "19840000"}, "the same year"),
    ("birth_date", {"birth_date": "19840312"}, {"birth_date": "19850000"}, "another year"),
    ("birth_date", {"birth_date": "18560001"}, {"birth_date": "18560901"}, "near"),
    ("phone", {"phones": ("111222333", "125550143")}, {"phones": ("125550143",)}, "exact"),
    ("phone", {"phones": ("125550143",)}, {"phones": ("125550134",)}, "near"),
    ("email", {"emails": ("mary.o@mail.com",)}, {"emails": ("mary.o@post.com",)}, "same mailbox name"),
    ("email", {"emails": ("mary.oduya@mail.com",)}, {"emails": ("mary.odyua@mail.com",)}, "near"),
    ("location", {"street": "elm street", "house": "5", "city": "bath"}, {"street": "elm street", "house": "5"},
     "address"),
    ("location", {"street": "elm street", "house": "5", "city": "bath"},
     {"street": "elm street", "house": "5", "city": "baht"}, "address nearly"),
    ("location", {"street": "elm street", "house": "5", "city": "bath"},
     {"street": "elm street", "house": "5", "city": "tulsa"}, "address elsewhere"),
    ("location", {"street": "elm street", "house": "5", "city": "bath"},
     {"street": "elm stret", "house": "5", "city": "bath"}, "address nearly"),
    ("location", {"street": "elm street", "house": "5", "city": "bath"},
     {"street": "elm street", "house": "9", "city": "bath"}, "city"),
    ("place", {"postcode": "45402", "city": "dayton"}, {"postcode": "45402", "city": "dyton"}, "postcode"),
    ("place", {"postcode": "45402"}, {"postcode": "45420"}, "postcode nearly"),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "a", "b", "level"), CASES)
def test_levels_mean_what_they_say(fact: str, a: dict[str, Any], b: dict[str, Any], level: str) -> None:
    assert levels_of(Record(**a), Record(**b))[fact] == level


def test_an_alike_mailbox_is_judged_by_the_name_parts_a_pair_shares() -> None:
    shared = {}
    for other in ({"given": "mary", "surname": "oduya"}, {"given": "mary", "surname": "zimmer"}, {"given": "bert"}):
        a = Record(given="mary", surname="oduya", emails=("mary.oduya@mail.com",))
        b = Record(**other, emails=("mary.oduya@post.com",))  # type: ignore[arg-type]
        row = compare({1: a, 2: b}, [(1, 2)])[0]
        shared[tuple(other.values())] = [n for n in STANDARD if n.startswith("email") and row[STANDARD.index(n)] >= 0]
    assert list(shared.values()) == [["email_2"], ["email_1"], ["email_0"]]


words = st.text("abcdemnory", max_size=8)
dates = st.dates().filter(lambda day: day.year >= 1850).map(lambda day: day.strftime("%Y%m%d")) | st.just("")
some = st.builds(
    Record, given=words, surname=words, birth_date=dates, emails=st.lists(st.emails(), max_size=2).map(tuple),
    phones=st.lists(st.text("0123456789", min_size=9, max_size=9), max_size=2).map(tuple), street=words,
    house=st.sampled_from(["", "1", "12"]), city=words, postcode=st.text("0123", max_size=5),
    sex=st.sampled_from(["", "f", "m"]),
)  # fmt: skip


@settings(deadline=None)
@given(some, some)
def test_comparing_is_symmetric_and_within_the_levels(a: Record, b: Record) -> None:
    forward, backward = compare({1: a, 2: b}, [(1, 2), (2, 1)])
    assert np.array_equal(forward, backward)
    for name, level in zip(STANDARD, forward, strict=True):
        assert -1 <= level < len(LEVELS[field_of(name)])


@settings(deadline=None)
@given(some)
def test_a_record_agrees_with_itself_on_everything_it_says(a: Record) -> None:
    (row,) = compare({1: a, 2: a}, [(1, 2)])
    place, middle = STANDARD.index("place"), STANDARD.index("middle")
    assert set(np.delete(row, [place, middle])) <= {MISSING, 0}
    assert row[middle] == LEVELS["middle"].index("neither has one")
    assert row[place] in (MISSING, 0, 2)  # what there is without a street: postcode, city
