"""Columns as others name them, and as they are when nobody names them."""

import random
from collections.abc import Mapping, Sequence

import pytest

from identity.linkage.cleaning import clean_date, put_together
from identity.linkage.fields import record_of
from identity.linkage.role_names import ROLES, role_of, role_of_owned
from identity.linkage.roles import recognise

CALLED = ["Mary", "Robert", "Emily", "Jack", "Hannah", "Peter", "Laura", "Paul", "Karen", "Mark", "Ruth", "James"]
SOUNDS = [f"{a}{b}{c}" for a in ("Br", "T", "Kl", "M", "V") for b in ("a", "o", "u", "e") for c in ("rk", "ven", "nt")]


def roles(columns: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    return {name: guess.role for name, guess in recognise(columns).items()}


def people(count: int, seed: int = 1) -> dict[str, list[str]]:
    """Columns of made people by role."""
    rng = random.Random(seed)
    table: dict[str, list[str]] = {}
    for n in range(count):
        given, surname, year = (
            rng.choice(CALLED),
            rng.choice(SOUNDS) + rng.choice(SOUNDS).lower(),
            rng.randint(1930, 2004),
        )
        row = {
            "given": given, "middle": rng.choice(CALLED) if n % 3 == 0 else "", "surname": surname,
            "year": str(year), "month": str(rng.randint(1, 12)), "day": str(rng.randint(1, 31)),
            "email": f"{given}.{surname}{n}@mail.com".lower(), "phone": f"(212) 555-{rng.randint(0, 9999):04}",
            "age": str(2024 - year), "dwelling": rng.choice(["House", "Flat", "Farm"]),
            "wages": str(rng.randint(8, 400) * 321), "visited": f"2024-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            "street": f"{rng.randint(1, 99)} {rng.choice(SOUNDS)} Road", "postcode": str(rng.randint(10_000, 10_080)),
        }  # fmt: skip
        for name, value in row.items():
            table.setdefault(name, []).append(value)
    return table


@pytest.mark.parametrize(
    ("header", "role"),
    [
        ("fname", "given"), ("first_nm", "given"), ("Prénom", "given"), ("nombre", "given"), ("lname", "surname"),
        ("sname", "surname"), ("Nachname", "surname"), ("apellidos", "surname"), ("MI", "middle"),
        ("DOB", "birth_date"),
        ("middle_initial", "middle"), ("fecha_nacimiento", "birth_date"), ("Geb.-Datum", "birth_date"), ("ph", "phone"),
        ("birth_year", "birth_year"), ("dob_month", "birth_month"), ("day_of_birth", "birth_day"), ("mob", "phone"),
        ("addr1", "street"), ("Straße", "street"), ("código_postal", "postcode"), ("zipcode", "postcode"),
        ("suburb", "city"), ("ville", "city"), ("state", "region"), ("courriel", "email"), ("Geschlecht", "sex"),
    ],
)  # fmt: skip
def test_headers_are_known_in_short_forms_and_other_languages(header: str, role: str) -> None:
    assert role_of(header) == role
    assert roles({header: ["x", "y", "z"]}) == {header: role}


def test_no_name_has_two_roles() -> None:
    names = [name for held in ROLES.values() for name in held]
    assert len(names) == len(set(names))


def test_columns_may_say_whose_they_are_and_somebody_elses_are_not_taken() -> None:
    told = {"mailing_address_zipcode": "postcode", "res_street_address": "street", "voter_last_name": "surname"}
    assert {name: role_of_owned(name) for name in told} == told
    assert role_of_owned("employer_city") is None
    # What is said without an owner comes first, unless the two are columns of tables that were put together.
    beside = {"billing_city": ["Kent"] * 9 + ["Dole"] * 9, "city": ["Bath"] * 18}
    assert roles(beside) == {"billing_city": "ignore", "city": "city"}
    under = {"billing_city": ["Kent"] * 9 + [""] * 9, "city": [""] * 9 + ["Bath"] * 9}
    assert roles(under) == {"billing_city": "city", "city": "city"}
    assert record_of({"employer_city": "Bath", "billing_city": "Kent"}).city == ""


@pytest.mark.parametrize("names", [("day", "month", "year"), ("bd", "bm", "by"), ("C", "D", "E")])
def test_a_birth_date_in_three_columns_is_one(names: tuple[str, str, str]) -> None:
    made = people(300)
    table = {"first_name": made["given"], "last_name": made["surname"]}
    table |= {name: made[part] for name, part in zip(names, ("day", "month", "year"), strict=True)}
    found = roles(table)
    assert [found[name] for name in names] == ["birth_day", "birth_month", "birth_year"]


@pytest.mark.parametrize(
    ("parts", "clean"),
    [
        (("1984", "3", "7"), "19840307"), (("84", "03", "17"), "19840317"), (("1984", "Mar", "17"), "19840317"),
        (("1984.0", "3.0", "7.0"), "19840307"), (("1984", "", "7"), "19840000"), (("", "3", "7"), ""),
    ],
)  # fmt: skip
def test_the_parts_of_a_date_are_put_together(parts: tuple[str, str, str], clean: str) -> None:
    assert clean_date(put_together(*parts)) == clean
    traits = dict(zip(("birth_year", "birth_month", "birth_day"), parts, strict=True))
    assert record_of(traits).birth_date == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [("12042018", "20181204"), ("30041987", "19870430"), ("19840317", "19840317"), ("18560041", "18560041")],
)
def test_eight_digits_may_end_in_the_year(raw: str, clean: str) -> None:
    assert clean_date(raw) == clean


def test_what_falls_into_few_classes_or_follows_from_the_birth_date_is_no_fact() -> None:
    made = people(300)
    dates = [f"{y}-{m}-{d}" for y, m, d in zip(made["year"], made["month"], made["day"], strict=True)]
    found = roles({"first_name": made["given"], "dob": dates, "age": made["age"], "dwelling": made["dwelling"]})
    assert (found["age"], found["dwelling"]) == ("ignore", "ignore")
    assert roles({"first_name": made["given"], "age": made["age"]})["age"] == "other"


def test_sums_of_money_are_no_postcodes_and_visits_no_birth_dates() -> None:
    made = people(300)
    found = roles({"first_name": made["given"], "wages": made["wages"], "visited": made["visited"]})
    assert found == {"first_name": "given", "wages": "other", "visited": "other"}


@pytest.mark.parametrize("mailboxes", [False, True])
def test_middle_names_are_not_taken_for_given_names_that_are_missing(mailboxes: bool) -> None:
    made = people(300)
    table = {"A": made["middle"], "B": made["surname"]} | ({"C": made["email"]} if mailboxes else {})
    found = roles(table)
    assert (found["A"], found["B"]) == ("middle", "surname")


@pytest.mark.parametrize("written", ["{given} {surname}", "{surname}, {given}"])
def test_a_column_of_full_names_is_told_by_its_values(written: str) -> None:
    made = people(300)
    whole = [written.format(given=g, surname=s) for g, s in zip(made["given"], made["surname"], strict=True)]
    assert roles({"A": whole, "B": made["postcode"]}) == {"A": "full", "B": "postcode"}


@pytest.mark.parametrize("told_by", ["sex", "mailbox", "home", "nothing"])
@pytest.mark.parametrize("turned", [False, True])
def test_given_names_that_are_in_no_list_are_told_by_the_sex_the_mailbox_or_the_home(
    told_by: str, turned: bool
) -> None:
    made, rng = people(400), random.Random(5)
    unheard = [f"{'XYZ'[n % 3]}{SOUNDS[n]}{SOUNDS[-n]}".lower() for n in range(30)]
    called = [rng.randrange(30) for _ in range(400)]
    given, family = [unheard[n] for n in called], made["surname"]
    more = {
        "sex": ["f" if n % 2 else "m" for n in called],
        "mailbox": [
            f"{g if n % 2 else g[0]}.{s}{n}@mail.com".lower()
            for n, (g, s) in enumerate(zip(given, family, strict=True))
        ],
        "home": made["street"],
        "nothing": [""] * 400,
    }
    if told_by == "home":
        family = [family[n - n % 2] for n in range(400)]
        more["home"] = [more["home"][n - n % 2] for n in range(400)]
    names = (family, given) if turned else (given, family)
    found = roles({"A": names[0], "B": names[1], "C": more[told_by]})
    # Where nothing tells which is which, none is taken for a given name.
    told = told_by != "nothing"
    assert found["B" if turned else "A"] == ("given" if told else found["B" if turned else "A"])
    assert ("given" in (found["A"], found["B"])) == told


def test_surnames_that_are_given_names_too_are_no_given_names() -> None:
    made = people(400)
    rng = random.Random(3)
    some = [rng.choice(CALLED) if rng.random() < 0.3 else surname for surname in made["surname"]]
    assert roles({"A": some, "B": made["postcode"]}) == {"A": "surname", "B": "postcode"}
