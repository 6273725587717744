"""Values decided by the column, rows as items, and suggestions that need little mending."""

from datetime import date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.imports.contracts import BadMapping
from connectors.imports.items import RowItems, mapper_for
from connectors.imports.mapping import RowMapper, read_mapping
from connectors.imports.suggesting import suggest
from connectors.imports.values import CannotRead, boolean, moment, number
from identity import selectors as identity


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1", ".", 1), ("1,234.5", ".", 1234.5), ("1.234,5", ",", 1234.5), ("-0,5", ",", -0.5), ("€ 12", ".", 12),
        ("12 %", ".", 12), ("(3.5)", ".", -3.5), ("1 234", ",", 1234), ("2e3", ".", 2000.0), (".5", ".", 0.5),
        ("\u22127", ".", -7),
    ],
)  # fmt: skip
def test_numbers_are_read_by_the_mark_of_their_column(text: str, decimal: str, value: float) -> None:
    assert number(text, decimal=decimal) == value


@pytest.mark.parametrize("text", ["", "-", "1,5,5", "abc", "1.2.3", "€", "12a", "1e999"])
def test_what_is_no_number_is_not_guessed(text: str) -> None:
    with pytest.raises(CannotRead):
        number(text, decimal=".")


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_any_number_comes_back_from_its_text(value: float) -> None:
    assert number(repr(value), decimal=".") == value


@pytest.mark.parametrize(
    ("text", "order", "iso"),
    [
        ("03/04/2026", "dmy", "2026-04-03"), ("03/04/2026", "mdy", "2026-03-04"), ("3.4.26", "dmy", "2026-04-03"),
        ("2026-04-03", "dmy", "2026-04-03"), ("2026/4/3", "ymd", "2026-04-03"), ("1.2.99", "dmy", "1999-02-01"),
        ("03.04.2026 17:05", "dmy", "2026-04-03T17:05:00+00:00"),
        ("2026-04-03T17:05:06+02:00", "ymd", "2026-04-03T17:05:06+02:00"),
        ("2026-04-03 17:05:06", "ymd", "2026-04-03T17:05:06+00:00"),
    ],
)  # fmt: skip
def test_dates_are_read_by_the_order_of_their_column(text: str, order: str, iso: str) -> None:
    assert moment(None, text, order=order) == iso


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2069, 12, 31)), st.sampled_from(["ymd", "dmy", "mdy"]))
def test_any_date_comes_back_whatever_its_order(day: date, order: str) -> None:
    parts = {"y": f"{day.year:04d}", "m": f"{day.month:02d}", "d": f"{day.day:02d}"}
    assert moment(None, "/".join(parts[one] for one in order), order=order) == day.isoformat()


@pytest.mark.parametrize(
    ("text", "order"), [("31/02/2026", "dmy"), ("13/13/2026", "mdy"), ("soon", "ymd"), ("", "ymd")]
)
def test_dates_that_are_not_are_refused(text: str, order: str) -> None:
    with pytest.raises(CannotRead):
        moment(None, text, order=order)


def test_yes_and_no_in_some_languages() -> None:
    assert [boolean(one) for one in ("Yes", "ja", "1", "NEIN", "f", "0")] == [True, True, True, False, False, False]
    with pytest.raises(CannotRead):
        boolean("maybe")


HEADER = ["id", "mail", "when", "amount", "kind", "card"]
MAPPING: dict[str, Any] = {
    "rows": "track", "event": "Order Completed",
    "columns": [
        {"name": "id", "to": "identifiers.user_id"}, {"name": "mail", "to": "identifiers.email"},
        {"name": "when", "to": "timestamp", "kind": "date", "order": "dmy"},
        {"name": "amount", "to": "properties.revenue", "kind": "number", "decimal": ",", "least": 0},
        {"name": "card", "to": "identifiers.till_card"},
    ],
    "cases": [{"column": "kind", "starts_with": "C", "event": "Order Cancelled"}],
}  # fmt: skip


def mapped(*row: Any, mapping: dict[str, Any] = MAPPING) -> tuple[dict[str, Any] | None, list[tuple[str, str, bool]]]:
    item, _, problems = RowMapper(read_mapping(mapping, HEADER).items[0], HEADER)(1, row)
    told = [(one.column, one.reason, one.refused) for one in problems]
    return (orjson.loads(item) if item else None), told


def test_a_row_becomes_an_item() -> None:
    item, told = mapped(" 7 ", "ana@example.com", "3.4.2026 10:00", "12,50", "S1", "K-9")
    assert item is not None
    assert item.pop("messageId").startswith("row-")
    assert item == {
        "type": "track",
        "event": "Order Completed",
        "userId": "7",
        "timestamp": "2026-04-03T10:00:00+00:00",
        "properties": {"revenue": 12.5},
        "context": {
            "traits": {"email": "ana@example.com"},
            "externalIds": [{"id": "K-9", "type": "till_card", "collection": "users", "encoding": "none"}],
        },
    }
    assert told == []
    assert mapped("7", "", "3.4.2026", "1", "C5", "")[0]["event"] == "Order Cancelled"  # type: ignore[index]


def test_what_cannot_be_read_is_kept_and_told_but_a_time_must_be_one() -> None:
    item, told = mapped("7", "", "3.4.2026", "much", "", "")
    assert item is not None
    assert item["properties"] == {"revenue": "much"}
    assert told == [("amount", "not a number", False)]
    assert mapped("7", "", "3.4.2026", "-2", "", "")[1] == [("amount", "below the range", False)]
    assert mapped("7", "", "someday", "1", "", "") == (None, [("when", "not a date", True)])
    assert mapped("7", "x")[0] is None
    assert mapped("7\ud8ff", "", "", "", "", "")[0] is None
    assert mapped("7\0", "", "", "", "", "")[0] is None


def test_the_same_row_has_the_same_id_and_another_row_another() -> None:
    ids = [mapped(*row)[0]["messageId"] for row in (  # type: ignore[index]
        ("7", "", "3.4.2026", "1", "", ""), ("7", "", "03.04.2026", "1,0", "", ""), ("7", "", "3.4.2026", "2", "", ""),
    )]  # fmt: skip
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rows": "x"}, "rows:"), ({"event": ""}, "event:"), ({"columns": []}, "who it is"),
        ({"columns": [{"name": "none", "to": "timestamp"}]}, "no such column"),
        ({"columns": [{"name": "id", "to": "secret"}]}, "is no place"),
        ({"columns": [{"name": "id", "to": "timestamp"}, {"name": "mail", "to": "timestamp"}]}, "two columns"),
        ({"rows": "identify"}, "belong to events"), ({"cases": [{"column": "x"}]}, "no case"),
        ({"columns": [{"name": "id", "too": 1}]}, "no column"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_work_is_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadMapping, match=told):
        read_mapping({**MAPPING, **change}, HEADER)


def test_a_file_of_people_is_mapped_by_itself() -> None:
    header = ["Customer ID", "E-Mail", "Vorname", "Nachname", "Geburtsdatum", "PLZ", "Tel.", "Newsletter", "Umsatz"]
    rows = [
        ["10", "a@example.com", "Ana", "Groß", "13.04.1980", "01099", "+49 351 1234567", "ja", "1.234,50"],
        ["11", "b@example.com", "Ben", "Ruiz", "02.11.1975", "10115", "+49 30 7654321", "nein", "7,00"],
    ] * 10  # fmt: skip
    found = suggest(header, rows, roles_of=identity.column_roles)
    assert found["rows"] == "identify"
    places = {one["name"]: one for one in found["columns"]}
    assert {name: one["to"] for name, one in places.items()} == {
        "Customer ID": "identifiers.user_id", "E-Mail": "identifiers.email", "Vorname": "traits.first_name",
        "Nachname": "traits.last_name", "Geburtsdatum": "traits.birth_date", "PLZ": "traits.postcode",
        "Tel.": "identifiers.phone", "Newsletter": "traits.newsletter", "Umsatz": "traits.umsatz",
    }  # fmt: skip
    assert (places["Geburtsdatum"]["kind"], places["Geburtsdatum"]["order"]) == ("date", "dmy")
    assert places["PLZ"]["kind"] == "text"
    assert places["Newsletter"]["kind"] == "boolean"
    assert (places["Umsatz"]["kind"], places["Umsatz"]["decimal"]) == ("number", ",")
    read_mapping(found, header)


def test_a_file_of_sales_is_mapped_by_itself() -> None:
    header = ["Invoice", "StockCode", "Quantity", "InvoiceDate", "Price", "Customer ID"]
    rows = [["489434", "85048", "12", datetime.fromisoformat("2009-12-01T07:45:00"), "6.95", "13085"]] * 5
    found = suggest(header, rows, roles_of=identity.column_roles)
    assert (found["rows"], found["event"]) == ("track", "Order Completed")
    assert {one["name"]: one["to"] for one in found["columns"]} == {
        "Invoice": "properties.invoice", "StockCode": "properties.stock_code", "Quantity": "properties.quantity",
        "InvoiceDate": "timestamp", "Price": "properties.price", "Customer ID": "identifiers.user_id",
    }  # fmt: skip


_cells = st.one_of(
    st.sampled_from(
        ["", " ", "0", "007", "7", " 7 ", "12,50", "1.5", "-3", "1e3", "much", "3.4.2026", "2026-04-03 10:00", "x y",
         ' "', "a\\b", "a\tb", "ü", "\ud8ff", "a\0", "C5", "null", "9" * 17, "a\nb", "ja", "٣"]
    ),
    st.integers(0, 10**6).map(str), st.text(max_size=5), st.none(), st.integers(-5, 5), st.booleans(), st.floats(-2, 2),
    st.datetimes(),
)  # fmt: skip
_KINDS = [
    {"kind": "text"}, {"kind": "number", "decimal": "."}, {"kind": "date", "order": "dmy"}, {"kind": "boolean"},
    {"kind": "number", "decimal": ",", "least": 0, "most": 9},
]  # fmt: skip
_PLACES = [
    "identifiers.user_id", "identifiers.anonymous_id", "identifiers.email", "identifiers.till", "identifiers.card",
    "traits.plan", "traits.email", "timestamp", "properties.b", 'properties."a', "event",
]  # fmt: skip


@st.composite
def _mappings(draw: st.DrawFn) -> dict[str, Any]:
    rows = draw(st.sampled_from(["track", "identify", "group"]))
    allowed = [one for one in _PLACES if rows == "track" or one.startswith(("identifiers", "traits", "timestamp"))]
    if rows == "group":
        return {"rows": rows, "columns": [
            {"name": "id", "to": "group_id"}, {"name": "mail", "to": "identifiers.email"},
            {"name": "when", "to": "traits.x"},
        ]}  # fmt: skip
    places = draw(st.lists(st.sampled_from(allowed), min_size=1, max_size=6, unique=True))
    if not any(one.startswith("identifiers.") for one in places):
        places = ["identifiers.user_id", *places[:5]]
    columns = [
        {"name": name, "to": to, **draw(st.sampled_from(_KINDS))} for name, to in zip(HEADER, places, strict=False)
    ]
    cases = [{"column": "kind", "starts_with": "C", "event": "Case"}] if draw(st.booleans()) else []
    return {"rows": rows, "event": "Done" if rows == "track" else "", "columns": columns, "cases": cases}


@given(
    given_mapping=_mappings(),
    rows=st.lists(st.lists(_cells, min_size=6, max_size=6) | st.lists(_cells, max_size=7), max_size=8),
    slices=st.integers(1, 4),
)
def test_however_rows_are_sliced_each_becomes_what_it_becomes_alone(
    given_mapping: dict[str, Any], rows: list[list[Any]], slices: int
) -> None:
    mapping = read_mapping(given_mapping, HEADER)
    alone, together = RowMapper(mapping.items[0], HEADER), mapper_for(mapping, HEADER)
    numbered = list(enumerate(rows, 1))
    expected = [alone(number, row) for number, row in numbered]
    made = [together(numbered[start : start + slices]) for start in range(0, len(rows), slices)]
    assert [item for one in made for item in one.items] == [item for item, _, _ in expected if item]
    assert [event for one in made for event in one.events] == [event for item, event, _ in expected if item]
    assert [told for one in made for told in one.problems] == [one for _, _, told in expected for one in told]
    assert (together.blank, together.cases) == (alone.blank, alone.cases)


@given(
    several=st.lists(_mappings(), min_size=2, max_size=4, unique_by=repr),
    rows=st.lists(st.lists(_cells, min_size=6, max_size=6) | st.lists(_cells, max_size=7), max_size=8),
)
def test_each_item_of_a_row_is_what_it_would_be_alone_and_a_row_comes_in_whole(
    several: list[dict[str, Any]], rows: list[list[Any]]
) -> None:
    numbered = list(enumerate(rows, 1))
    mapping = read_mapping({"items": several}, HEADER)
    made = mapper_for(mapping, HEADER)(numbered)
    refused = {one.row for one in made.problems if one.refused}
    alone = [RowMapper(one, HEADER) for one in mapping.items]
    for place, (at_row, row) in enumerate(numbered):
        items = [item for item, at in zip(made.items, made.places, strict=True) if at == place]
        told = [one(at_row, row)[0] for one in alone]
        if at_row in refused:
            assert items == []
        else:
            assert set(items) <= set(told)
            assert all(item in items for item in told if item is not None and b'"type":"group"' not in item)
    one_by_one = RowItems(mapping, HEADER)
    contents = [[item[:-52] + b"}" for item, at in zip(made.items, made.places, strict=True) if at == place]
                for place in range(len(rows))]  # fmt: skip
    assert contents == [
        [orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in one_by_one(at_row, row)[0]]
        for at_row, row in numbered
    ]  # fmt: skip


def test_an_item_of_a_group_is_not_made_of_a_row_that_names_none() -> None:
    who = {"name": "id", "to": "identifiers.user_id"}
    people = {"rows": "identify", "columns": [who, {"name": "mail", "to": "identifiers.email"}]}
    groups = {"rows": "group", "columns": [who, {"name": "card", "to": "group_id"}]}
    rows = [(1, ("7", "", "", "", "", "acme")), (2, ("8", "", "", "", "", " "))]
    made = mapper_for(read_mapping({"items": [people, groups]}, HEADER), HEADER)(rows)
    assert [(place, event) for place, event in zip(made.places, made.events, strict=True)] == [
        (0, "identify"), (1, "identify"), (0, "group"),
    ]  # fmt: skip
    assert made.problems == []


def test_what_is_wrong_with_one_of_several_items_names_it() -> None:
    people = {"rows": "identify", "columns": [{"name": "id", "to": "identifiers.user_id"}]}
    with pytest.raises(BadMapping, match="Item 2: event: name the event"):
        read_mapping({"items": [people, {**people, "rows": "track"}]}, HEADER)
    with pytest.raises(BadMapping, match="two of them are the same"):
        read_mapping({"items": [people, people]}, HEADER)
    for given_items in ([], [people] * 6, "x", None, ["x", people]):
        with pytest.raises(BadMapping):
            read_mapping({"items": given_items}, HEADER)
