"""Roles and cleaning, a case a row."""

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.linkage.cleaning import clean_date, clean_email, clean_phone, fold, given_in_mailbox
from identity.linkage.fields import Record, read_stored, record_of, stored_form
from identity.linkage.role_names import role_of
from identity.linkage.roles import recognise


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("firstName", "given"), ("first_name", "given"), ("Vorname", "given"), ("lastName", "surname"),
        ("dateOfBirth", "birth_date"), ("birthday", "birth_date"), ("postalCode", "postcode"), ("zip", "postcode"),
        ("e-mail", "email"), ("mobilePhone", "phone"), ("gender", "sex"), ("plan", None), ("nameservers", None),
        ("loyalty_tier", None), ("company_city_count", None),
    ],
)  # fmt: skip
def test_a_trait_is_known_by_its_name(name: str, role: str | None) -> None:
    assert role_of(name) == role


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({"name": "Dr. José María Ortiz"}, Record(given="jose", others=("maria",), surname="ortiz")),
        ({"first_name": "Mary-Ann", "last_name": "O'Neil Jr."}, Record(given="mary", others=("ann",), surname="oneil")),
        ({"first_name": "Bo", "name": "Bo Li"}, Record(given="bo", surname="li")),
        ({"address": {"street": "12B Main St", "city": "Köln", "postalCode": "50667"}},
         Record(street="main street", house="12b", city="koln", postcode="50667")),
        ({"street": "Hauptstraße 5"}, Record(street="hauptstrasse", house="5")),
        ({"street": "9 Elm Ave Apt 4", "zip": "45402-1234"}, Record(street="elm avenue", house="9", postcode="45402")),
        ({"phone": ["(212) 555-0143", "+1 212 555 0143"]}, Record(phones=("125550143",))),
        ({"gender": "Female", "plan": "pro", "city": None}, Record(sex="f")),
        ({"first_name": "", "last_name": "   ", "email": "nobody"}, Record()),
        ({"first_name": "N/A", "last_name": "(null)", "name": "not known", "sex": "missing"}, Record()),
        ({"city": "Unknown", "street": "n.a.", "zip": "none"}, Record()),
        ({"first_name": "Na", "last_name": "Nil"}, Record(given="na", surname="nil")),
    ],
)  # fmt: skip
def test_traits_become_clean_fields(traits: dict[str, object], expected: Record) -> None:
    assert record_of(traits) == expected


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("1984-03-17", "19840317"), ("1984-03-17T00:00:00Z", "19840317"), ("19840317", "19840317"),
        ("3/17/1984", "19840317"), ("17.03.1984", "19840317"), ("1984-17-03", "19840317"), ("1900-01-01", ""),
        ("1984-13-40", "19841340"), ("1984", "19840000"), ("soon", ""), ("", ""),
        ("1984-3-7", "19840307"), ("3/17/84", "19840317"), ("84-03-17", "19840317"), ("17.03.29", "20290317"),
        ("17.03.1984 00:00:00", "19840317"), ("17-Mar-1984", "19840317"), ("March 17th, 1984", "19840317"),
        ("17. März 1984", "19840317"), ("17-MAR-84", "19840317"), ("17 de marzo", ""), ("Mar 1984", ""),
        ("17 Foo 1984", ""),
    ],
)  # fmt: skip
def test_birth_dates_are_read_in_the_ways_people_write_them(raw: str, clean: str) -> None:
    assert clean_date(raw) == clean


def test_tags_and_dots_that_the_provider_ignores_are_left_out() -> None:
    assert clean_email("Mary.Oduya+shop@googlemail.com") == clean_email("maryoduya@gmail.com")
    assert clean_email("mary.oduya+shop@mail.com") != clean_email("maryoduya@mail.com")


@pytest.mark.parametrize("written", ["+12125550143", "(212) 555-0143", "1 212 555 0143", "212.555.0143"])
def test_a_phone_number_is_the_same_however_it_is_written(written: str) -> None:
    assert clean_phone(written) == "125550143"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
role_names = st.sampled_from(["name", "first_name", "email", "phone", "birthday", "address", "city", "zip", "gender"])


def test_a_middle_name_does_not_stand_in_for_a_given_name_that_is_missing() -> None:
    assert record_of({"middle_name": "Ann", "last_name": "Oduya"}) == Record(others=("ann",), surname="oduya")


@pytest.mark.parametrize(
    ("local", "given_name"),
    [
        ("louise.ryan", "louise"), ("ryan.louise", "louise"), ("louiseryan84", "louise"), ("ryanlouise", "louise"),
        ("l_ryan", "l"), ("ryan.family", ""), ("ryan", ""), ("louise84", ""), ("ryan.of.cork", ""), ("lo.ryan", ""),
    ],
)  # fmt: skip
def test_a_missing_given_name_is_read_from_the_mailbox_beside_the_surname(local: str, given_name: str) -> None:
    assert given_in_mailbox(f"{local}@mail.com", "ryan") == given_name
    told = {"last_name": "Ryan", "email": f"{local}@mail.com"}
    assert record_of(told).given == given_name
    assert record_of({**told, "first_name": "Eve"}).given == "eve"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("mailboxes", [False, True])
def test_the_given_name_is_told_from_the_middle_name_by_mailboxes_or_because_everybody_has_one(
    turned: bool, mailboxes: bool
) -> None:
    called = ["Mary", "Robert", "Emily", "Jack", "Hannah"]
    between = [
        "William", "Susan", "James", "Margaret", "Thomas", "Anne", "Peter", "Laura", "Paul", "Karen", "Mark", "Ruth",
    ]  # fmt: skip
    columns: dict[str, list[str]] = {"A": [], "B": [], "C": []} | ({"D": []} if mailboxes else {})
    for n in range(200):
        names = called[n % 5], between[n // 5 % 12] if n % 2 else "", f"Q{'aeiou'[n % 5]}{'bdfgklmn'[n % 8]}xter"
        for letter, value in zip("BAC" if turned else "ABC", names, strict=True):
            columns[letter].append(value)
        if mailboxes:
            columns["D"].append(f"{names[0]}.{names[2]}{n}@mail.com".lower())
    found = {letter: guess.role for letter, guess in recognise(columns).items()}
    assert (found["A"], found["B"]) == (("middle", "given") if turned else ("given", "middle"))
    assert found["C"] == "surname"


@pytest.mark.parametrize(
    ("local", "born"),
    [
        ("louise.ryan84", "19840000"), ("ryanlouise2001", "20010000"), ("louise_ryan07", "20070000"),
        ("louise.ryan25", ""), ("louise84", ""), ("l.ryan84", ""), ("louise.ryan", ""), ("louise.ryan123", ""),
        ("louise.ryan1784", ""), ("family.ryan84", ""),
    ],
)  # fmt: skip
def test_a_missing_birth_date_is_a_year_where_the_mailbox_is_both_names_and_a_year(local: str, born: str) -> None:
    told = {"first_name": "Louise", "last_name": "Ryan", "email": f"{local}@mail.com"}
    assert record_of(told).birth_date == born
    assert record_of({**told, "birth_date": "1990-05-02"}).birth_date == "19900502"


@settings(deadline=None)
@given(st.dictionaries(role_names, json_values))
def test_no_trait_value_breaks_cleaning_and_a_record_survives_storage(traits: dict[str, object]) -> None:
    record = record_of(traits)
    (stored,) = read_stored(f"[{stored_form(record)}]")
    assert Record(**{one.name: getattr(stored, one.name, {}) for one in fields(Record)}) == record
    assert stored.kin == record.kin


@settings(deadline=None)
@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
