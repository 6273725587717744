"""Who is joined, and who never is: one scenario a test, on real PostgreSQL."""

import pytest

from tests.linkage.world import MARY, Connection, asked, like, link, person, together

SAME_PERSON = {
    "a slip in the surname and another address of mail": like(MARY, last_name="Odyua", email="modu@post.com"),
    "a nickname and no birth date": like(MARY, first_name="Molly", birth_date=None),
    "a moved house and a new phone": like(
        MARY, street="7 Harbor Road", city="Tulsa", postcode="74101", phone="+19185550101", email=None
    ),
    "day and month swapped": like(MARY, birth_date="1984-17-03", email=None, phone=None),
    "given name and surname swapped": like(MARY, first_name="Oduya", last_name="Mary", email=None),
    "married, at the same mailbox": like(MARY, last_name="Castellano", email="mary.oduya+shop@mail.com"),
    "an initial only, written in capitals": like(MARY, first_name="M", last_name="ODUYA", email=None),
    "one digit of the phone wrong, no address": like(
        MARY, phone="+12125550144", street=None, city=None, postcode=None, email=None
    ),
}

OTHER_PERSON = {
    "a spouse at the same address and phone": like(
        MARY, first_name="Daniel", birth_date="1982-11-02", email="dan.oduya@mail.com"
    ),
    "a spouse without a birth date": like(MARY, first_name="Daniel", birth_date=None, email=None),
    "a twin": like(MARY, first_name="Ruth", email=None),
    "a twin whose name begins alike": like(MARY, first_name="Marlene", email="marlene.oduya@mail.com"),
    "a namesake in another town": like(
        MARY, birth_date=None, email=None, phone=None, street="2 Elm Street", city="Boise", postcode="83702"
    ),
    "a namesake in another town, born on another day": like(
        MARY, birth_date="1961-08-30", email=None, phone=None, street="2 Elm Street", city="Boise", postcode="83702"
    ),
    "a mother of the same name": like(MARY, birth_date="1958-09-02", email=None),
    "somebody else at the same address": like(
        MARY, first_name="Bert", last_name="Zimmer", birth_date="1990-01-05", email=None, phone=None
    ),
    "a namesake at the same address, of whom nothing else is known": like(
        MARY, birth_date=None, email=None, phone=None
    ),
    "a name and nothing else": {"first_name": "Mary", "last_name": "Oduya"},
    "the same traits but no name": like(MARY, first_name=None, last_name=None, email=None),
}


@pytest.mark.parametrize("other", SAME_PERSON.values(), ids=SAME_PERSON.keys())
def test_one_person_written_down_differently_is_joined(conn: Connection, other: dict[str, object]) -> None:
    person(conn, "c1", **MARY)
    person(conn, "c2", **other)
    assert link(conn).links == 1
    assert together(conn, "c1", "c2")


@pytest.mark.parametrize("other", OTHER_PERSON.values(), ids=OTHER_PERSON.keys())
def test_another_person_is_not_joined(conn: Connection, other: dict[str, object]) -> None:
    person(conn, "c1", **MARY)
    person(conn, "c2", **other)
    assert link(conn).links == 0
    assert not together(conn, "c1", "c2")


def test_father_and_son_of_one_name_stay_two(conn: Connection) -> None:
    father = like(MARY, first_name="George", email="george@mail.com", birth_date="1951-02-11")
    person(conn, "c1", **father)
    person(conn, "c2", **like(father, birth_date="1979-07-23", email=None, last_name="Oduya Jr."))
    link(conn)
    assert not together(conn, "c1", "c2")


def test_what_is_in_doubt_becomes_a_question(conn: Connection) -> None:
    a = person(conn, "c1", **MARY)
    b = person(conn, "c2", **like(MARY, birth_date=None, email=None, phone=None, street=None, postcode=None))
    link(conn)
    assert asked(conn) == {(a, b)}


def test_three_records_of_one_person_become_one(conn: Connection) -> None:
    person(conn, "c1", **MARY)
    person(conn, "c2", **like(MARY, last_name="Odyua", phone=None))
    person(conn, "c3", **like(MARY, email=None, street="7 Harbor Road", city="Tulsa", postcode="74101"))
    link(conn)
    assert together(conn, "c1", "c2")
    assert together(conn, "c1", "c3")


def test_a_person_known_today_meets_one_that_comes_tomorrow(conn: Connection) -> None:
    person(conn, "c1", **MARY)
    assert link(conn).links == 0
    person(conn, "c2", **like(MARY, first_name="Marie", email=None))
    run = link(conn)
    assert (run.profiles, run.links) == (2, 1)  # the newcomer, then the joined profile with its new traits
    assert together(conn, "c1", "c2")
