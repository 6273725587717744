"""Readers of dates, numbers, booleans, money and places: what they say is sure, and nothing that comes breaks them."""

import contextlib
import math
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.cleaning.contracts import BadRule
from quality.cleaning.money import converted, read_amount
from quality.cleaning.places import read_country, read_state
from quality.cleaning.rates import read_rates
from quality.cleaning.reading import (
    FALSE,
    ORDERS,
    TRUE,
    UNREADABLE,
    read_boolean,
    read_date,
    read_decimal,
    read_number,
)

# Texts that look like what the readers read, and texts of any kind.
_LIKE = st.text(alphabet="0123456789 .,/-:'’+eETZapmAPMQ€$£marMÄzyjt−٣²\u00a0\x00", max_size=40)
_ANY = st.one_of(_LIKE, st.text(max_size=60))
_DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 12, 31))


@given(_ANY, st.sampled_from(ORDERS), st.sampled_from(["en", "de", "fr", "es"]))
def test_any_text_is_a_date_or_is_not_and_reading_twice_changes_nothing(text: str, order: str, language: str) -> None:
    found = read_date(text, order=order, language=language)
    if found is not UNREADABLE:
        datetime.fromisoformat(found)
        assert read_date(found, order=order, language=language) == found


@given(_DAYS, st.sampled_from("./- "), st.sampled_from(ORDERS))
def test_a_date_is_read_in_the_order_of_the_rule_and_in_no_other(day: date, sign: str, order: str) -> None:
    parts = {"D": f"{day.day}", "M": f"{day.month:02}", "Y": f"{day.year}"}
    text = sign.join(parts[one] for one in order)
    assert read_date(text, order=order) == day.isoformat()
    other = {"DMY": "MDY", "MDY": "DMY"}.get(order)
    if other:
        swapped = read_date(text, order=other)
        if day.day > 12:
            assert swapped is UNREADABLE
        else:
            assert swapped == date(day.year, day.day, day.month).isoformat()


@given(_DAYS)
def test_months_have_names(day: date) -> None:
    for text in (f"{day:%d %B %Y}", f"{day:%B} {day.day}, {day.year}", f"{day:%a}, {day.day}-{day:%b}-{day.year}"):
        assert read_date(text, order="MDY") == day.isoformat()


@pytest.mark.parametrize(("text", "told"), [
    ("4. März 2024", "2024-03-04"), ("04.03.24", "2024-03-04"), ("04.03.69", "1969-03-04"), ("04032024", "2024-03-04"),
    ("04.03.2024 14:05", "2024-03-04T14:05:00+01:00"), ("2024-03-04T14:05:00Z", "2024-03-04T14:05:00Z"),
    ("04/03/2024 2:05 pm +0530", "2024-03-04T14:05:00+05:30"), ("31.02.2024", UNREADABLE), ("04.03.0024", "0024-03-04"),
    ("4.3", UNREADABLE), ("04-03.2024", UNREADABLE), ("13.13.2024", UNREADABLE), ("soon", UNREADABLE),
])  # fmt: skip
def test_dates_as_people_write_them(text: str, told: Any) -> None:
    assert read_date(text, order="DMY", language="de", zone="Europe/Berlin") == told


@given(_ANY, st.sampled_from(".,"))
def test_any_text_is_a_number_or_is_not_and_no_digit_is_lost(text: str, decimal: str) -> None:
    found = read_number(text, decimal=decimal)
    if found is not UNREADABLE:
        assert math.isfinite(found)
        assert Decimal(repr(found)) == read_decimal(text, decimal=decimal)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_grouped_numbers_mean_the_same_in_both_notations(number: Decimal) -> None:
    plain = f"{number:,.3f}"
    turned = plain.translate(str.maketrans(",.", ".,"))
    assert read_number(plain, decimal=".") == read_number(turned, decimal=",") == float(number)


@pytest.mark.parametrize(("text", "decimal", "told"), [
    ("1.234", ",", 1234), ("1.234", ".", 1.234), ("1,5", ".", UNREADABLE), ("12,34,567.5", ".", 1234567.5),
    ("1\u202f234,5", ",", 1234.5), ("1'000", ".", 1000), ("−5", ".", -5), ("1.2.3", ".", UNREADABLE),
    ("12345678901234567890123", ".", UNREADABLE), ("0.12345678901234567890", ".", UNREADABLE),
    ("1e999", ".", UNREADABLE),
])  # fmt: skip
def test_numbers_as_people_write_them(text: str, decimal: str, told: Any) -> None:
    assert read_number(text, decimal=decimal) == told


@given(st.one_of(_ANY, st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.integers())))
def test_anything_is_a_boolean_or_is_not(value: Any) -> None:
    found = read_boolean(value, true=TRUE, false=FALSE)
    assert found in (True, False, UNREADABLE)
    if found is not UNREADABLE:
        assert str(value).strip().casefold().removesuffix(".0") in (TRUE if found else FALSE) | {"-0"}


@given(st.one_of(_ANY, st.integers(), st.floats(allow_nan=False, allow_infinity=False)), st.sampled_from([None, "USD"]))
def test_any_amount_has_one_currency_or_is_none(value: Any, currency: str | None) -> None:
    found = read_amount(value, currency=currency, decimal=".")
    if found is not None:
        assert currency in (None, found[1])


def test_a_currency_that_disagrees_or_could_be_several_is_not_guessed() -> None:
    assert read_amount("€1.234,50", currency=None, decimal=",") == (Decimal("1234.50"), "EUR")
    assert read_amount("12.50 CHF", currency="CHF", decimal=".") == (Decimal("12.50"), "CHF")
    assert read_amount("$12", currency="CAD", decimal=".") == (Decimal(12), "CAD")
    for text, beside in (("$12", None), ("€12", "USD"), ("12 XXQ", None), ("€12 EUR", None), ("12", None)):
        assert read_amount(text, currency=beside, decimal=".") is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**9))
def test_amounts_are_rounded_to_the_smallest_unit_and_need_a_rate(amount: Decimal) -> None:
    rates = {"USD": Decimal("1.25"), "JPY": Decimal("160")}
    there = converted(amount, "USD", "EUR", rates)
    assert abs(Decimal(repr(there)) * Decimal("1.25") - amount) <= Decimal("0.00625")
    assert isinstance(converted(amount, "EUR", "JPY", rates), int)
    assert converted(amount, "CHF", "EUR", rates) is UNREADABLE
    assert Decimal(repr(converted(amount, "CHF", "CHF", {}))) == amount


@given(_ANY)
def test_any_text_is_a_country_or_a_state_or_is_not(text: str) -> None:
    found = read_country(text, languages=["de", "fr"], form="alpha_2")
    assert found is UNREADABLE or read_country(found, languages=["de", "fr"], form="alpha_2") == found
    code = read_state(text, country="US", form="code", also={})
    assert code is UNREADABLE or read_state(code, country="US", form="code", also={}) == code


def test_places_have_one_code_whatever_they_are_called() -> None:
    for name in ("US", "usa", "United States", "Vereinigte Staaten", "U.S.A."):
        assert read_country(name, languages=["de"], form="alpha_2") == "US"
    for name in ("NY", "New York", "us-ny", "N.Y.", " new  york "):
        assert read_state(name, country="US", form="code", also={}) == "NY"
    assert read_state("Bavaria", country="DE", form="iso", also={"BY": ["Bavaria"]}) == "DE-BY"
    assert read_state("Bavaria", country="DE", form="iso", also={}) is UNREADABLE
    assert read_country("Atlantis", languages=["en"], form="alpha_2") is UNREADABLE


_CSV = b"Date,USD,JPY,BGN,\r\n2024-01-05,1.0921,158.28,N/A,\r\n2024-01-04,1.0953,158.03,1.9558,\r\n"
_XML = b"""<?xml version="1.0" encoding="UTF-8"?><gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><gesmes:subject>Reference rates</gesmes:subject><Cube>
 <Cube time="2024-01-05"><Cube currency="USD" rate="1.0921"/><Cube currency="JPY" rate="158.28"/></Cube>
 <Cube time="2024-01-04"><Cube currency="USD" rate="1.0953"/><Cube currency="JPY" rate="158.03"/>
 <Cube currency="BGN" rate="1.9558"/></Cube></Cube></gesmes:Envelope>"""


def test_the_central_banks_files_say_the_same_as_csv_zip_and_xml() -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("eurofxref-hist.csv", _CSV)
    found = sorted(read_rates(_CSV))
    assert found == sorted(read_rates(_XML)) == sorted(read_rates(packed.getvalue()))
    assert (len(found), found[-1]) == (5, ("USD", date(2024, 1, 5), Decimal("1.0921")))


@given(st.binary(max_size=200), st.sampled_from([b"", b"Date,USD\n", b"<Cube>", b"PK"]))
def test_a_file_of_anything_is_read_or_refused(content: bytes, start: bytes) -> None:
    with contextlib.suppress(BadRule):
        assert read_rates(start + content)


def test_a_rate_that_cannot_be_is_refused_with_its_place() -> None:
    for line in (b"2024-01-05,-1", b"2024-01-05,NaN", b"05.01.2024,1.1", b"2024-01-05,1e99"):
        with pytest.raises(BadRule, match="USD on"):
            read_rates(b"Date,USD\n" + line)


def test_epochs_and_zones() -> None:
    assert read_date("2024-03-04 10:00", order="DMY", zone="UTC") == "2024-03-04T10:00:00Z"
    assert datetime(2024, 3, 4, 10, tzinfo=UTC).isoformat().replace("+00:00", "Z") == "2024-03-04T10:00:00Z"
