"""Cleaning whole columns gives what cleaning row by row gives."""

from hypothesis import given
from hypothesis import strategies as st

from identity.linkage import columns, whole_columns
from identity.linkage.fields import make_record

WORDS = st.sampled_from(
    [
        "",
        "Mary",
        "Bob",
        "M.",
        "Mary Ann",
        "van der Berg",
        "Dr. José",
        "李",
        "Smith-Jones",
        "Ann",
        "jr",
        "1st",
        "O'Brien",
    ]
)
VALUES = {
    "given": WORDS,
    "middle": WORDS,
    "surname": WORDS,
    "birth_date": st.sampled_from(["", "1980-02-31", "12/31/1999", "1975", "1900-01-01", "?"]),
    "email": st.sampled_from(
        [
            "",
            "ann.obrien@post.org",
            "obrien_ann84@post.org",
            "ann@b84.org",
            "nobody",
            "Mary.Smith+x@gmail.com",
            "m@b.org",
            "a@b",
        ]
    ),
    "phone": st.sampled_from(["", "+1 (212) 555-0100", "0000000000", "555-0100 ext 3", "12"]),
    "number": st.sampled_from(["", "AB-12", "__"]),
    "street": st.sampled_from(["", "18 Chestnut St", "Hauptstraße 5", "12/4 Oak Road", "Apt 3"]),
    "house": st.sampled_from(["", "007", "12 b"]),
    "city": WORDS,
    "postcode": st.sampled_from(["", "45402-1234", "SW1A 1AA"]),
    "sex": st.sampled_from(["", "Female", "M", "x"]),
}
FURTHER = st.sampled_from(["", "Painter", "poet's  friend_2", "ŁOŚ"])


@given(st.lists(st.tuples(st.fixed_dictionaries(VALUES), FURTHER), max_size=8), st.sets(st.sampled_from(list(VALUES))))
def test_whole_columns_are_cleaned_as_rows_are(rows: list[tuple[dict[str, str], str]], left_out: set[str]) -> None:
    roles = [role for role in VALUES if role not in left_out]
    records = [
        make_record({role: [row[role]] for role in roles if row[role]}, {"job": job} if job else {})
        for row, job in rows
    ]
    ids, keys = range(len(rows)), [str(n) for n in range(len(rows))]
    by_row = columns.batch(ids, 3, records, ["job", "trade"], keys)
    raw = {role: [row[role] for row, _ in rows] for role in roles}
    by_column = whole_columns.batch(raw, {"job": [job for _, job in rows]}, ids, 3, ["job", "trade"], keys)
    assert by_column.to_pylist() == by_row.to_pylist()


def test_two_columns_of_one_role_and_full_names_are_cleaned_row_by_row() -> None:
    assert whole_columns.possible(["id", "given", "surname", "email", "other", "ignore", "ignore"])
    assert not whole_columns.possible(["given", "email", "email"])
    assert not whole_columns.possible(["full", "email"])
