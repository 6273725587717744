"""Places: values come back as they were, and orders stay orders."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.destinations.errors import Misconfigured
from connectors.pulls.values import back, decode, encode, instant

_TIMES = st.datetimes(timezones=st.none() | st.just(UTC))
_VALUES = (
    st.integers() | st.text() | _TIMES | st.dates() | st.uuids() | st.binary()
    | st.decimals(allow_nan=False, allow_infinity=False) | st.floats(allow_nan=False)
)  # fmt: skip


@settings(max_examples=60)
@given(_VALUES)
def test_what_was_kept_comes_back_the_same(value: Any) -> None:
    found = decode(encode(value))
    assert (type(found), found) == (type(value), value)


@given(_TIMES | st.dates() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=3),
       st.integers(0, 10**6))  # fmt: skip
def test_looking_back_never_goes_forward(value: Any, step: int) -> None:
    assert back(value, step) <= value


def test_looking_back_is_in_seconds_days_or_numbers() -> None:
    assert back(datetime(2026, 1, 1, tzinfo=UTC), 60) == datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    assert back(date(2026, 1, 2), 60) == date(2026, 1, 1)
    assert back(10, 3) == 7
    assert back(Decimal("1.5"), 1) == Decimal("0.5")
    assert back("text", 3) == "text"


@pytest.mark.parametrize("value", [None, True, float("nan"), [1], timedelta(1)])
def test_what_has_no_order_is_told(value: Any) -> None:
    with pytest.raises(Misconfigured, match="never empty"):
        encode(value)


def test_a_time_without_a_zone_is_utc() -> None:
    assert instant(datetime(2026, 1, 1)) == datetime(2026, 1, 1, tzinfo=UTC)  # noqa: DTZ001
    assert instant(5) is None
