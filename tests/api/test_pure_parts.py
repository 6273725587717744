"""The parts of the API that need no database."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.api import cursors, etags, parsing, problems
from cdp.api.filters import Criteria
from cdp.api.problems import Problem
from cdp.api.ratelimit import Verdict
from cdp.api.shapes.fields import conceal

KEY = "a key"


@given(st.lists(st.integers() | st.text(), max_size=4))
def test_a_cursor_gives_back_the_position_it_was_made_from(position: list[object]) -> None:
    text = cursors.encode(asked="q", position=position, key=KEY)
    assert cursors.decode(text, asked="q", key=KEY) == position


def test_a_cursor_of_another_question_is_a_mismatch() -> None:
    text = cursors.encode(asked=cursors.question("/a", {"x": "1"}), position=[1], key=KEY)
    with pytest.raises(Problem) as error:
        cursors.decode(text, asked=cursors.question("/a", {"x": "2"}), key=KEY)
    assert error.value.slug == "cursor-mismatch"


@given(st.text(max_size=60))
def test_any_other_text_is_an_invalid_cursor_and_never_a_crash(text: str) -> None:
    with pytest.raises(Problem) as error:
        cursors.decode(text, asked="q", key=KEY)
    assert error.value.slug == "cursor-invalid"


def test_a_cursor_of_another_installation_is_invalid() -> None:
    with pytest.raises(Problem) as error:
        cursors.decode(cursors.encode(asked="q", position=[1], key="other"), asked="q", key=KEY)
    assert error.value.slug == "cursor-invalid"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T14:00:00+02:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T14:00:00 02:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31t12:00:00.5z", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_an_instant_with_an_offset_is_read_as_utc(text: str, expected: datetime) -> None:
    assert parsing.instant(text) == expected


def test_a_time_without_an_offset_is_refused_rather_than_guessed() -> None:
    with pytest.raises(parsing.NaiveInstant):
        parsing.instant("2026-01-31T12:00:00")


@given(st.text(max_size=45))
def test_any_text_is_an_instant_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parsing.instant(text).tzinfo is not None


@pytest.mark.parametrize(
    "text", ["2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:00", "yesterday", "2026-01-31"]
)
def test_impossible_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsing.instant(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.0", "٣", "9223372036854775808", "1" * 400, "abc"])
def test_what_is_no_row_id_is_none(text: str) -> None:
    assert parsing.row_id(text) is None


def test_members_who_come_and_go_do_not_make_an_edit_stale() -> None:
    before = etags.edit_tag(definition="d1", content=b"size 1")
    after = etags.edit_tag(definition="d1", content=b"size 2")
    assert before != after
    assert etags.edits(before, "d1")
    assert not etags.edits(before, "d2")
    assert not etags.edits("W/" + before, "d1")
    assert not etags.none_match(after, after)
    assert etags.none_match(before, after)


def test_a_star_matches_whatever_is_there() -> None:
    assert etags.edits("*", "d1")
    assert not etags.none_match("*", '"x"')


def test_the_bucket_says_when_to_come_back_also_when_it_refuses() -> None:
    headers = Verdict(allowed=False, quota=600, level=0.25).headers()
    assert headers["Retry-After"] == "1"
    assert headers["RateLimit"] == '"default";r=0;t=60'
    assert headers["RateLimit-Policy"] == '"default";q=600;w=60'
    assert headers["X-RateLimit-Remaining"] == "0"


def test_personal_data_is_masked_at_any_depth_and_nothing_else() -> None:
    shown = conceal(
        {"plan": "pro", "age": 41, "email": "ann@example.com", "more": [{"lastName": "Lee"}], "phone": None}
    )
    assert shown == {
        "plan": "pro",
        "age": 41,
        "email": "a•••@example.com",
        "more": [{"lastName": "L•••"}],
        "phone": None,
    }


def test_everything_under_a_personal_name_is_masked() -> None:
    assert conceal({"address": {"city": "Oslo", "no": 7}}) == {"address": {"city": "O•••", "no": "7•••"}}


def test_nested_field_errors_become_json_pointers() -> None:
    flat = problems.flatten({"a/b": [{"c": ["bad"]}], "non_field_errors": ["worse"]})
    assert [(one["pointer"], one["message"]) for one in flat] == [("/a~1b/0/c", "bad"), ("", "worse")]


def test_every_problem_says_cause_and_fix() -> None:
    assert all(kind.cause and kind.fix and kind.title for kind in problems.KINDS.values())


def test_criteria_keep_the_rows_that_fit() -> None:
    class Row:
        def __init__(self, name: str, age: int | None) -> None:
            self.name, self.age = name, age

    rows = [Row("Ann", 3), Row("Bo", 5), Row("Anton", None)]
    assert [row.name for row in Criteria().filter(name__icontains="an").keep(rows)] == ["Ann", "Anton"]
    assert [row.name for row in Criteria().filter(age__gte=4).keep(rows)] == ["Bo"]
