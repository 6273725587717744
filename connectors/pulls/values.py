"""Values of cursors and keys as JSON and back, exactly: a place must be found again after any restart. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

from connectors.destinations.errors import Misconfigured

_READ: Mapping[str, Callable[[str], Any]] = {
    "int": int, "decimal": Decimal, "float": float, "text": str, "datetime": datetime.fromisoformat,
    "date": date.fromisoformat, "uuid": UUID, "bytes": bytes.fromhex,
}  # fmt: skip
# A datetime is a date, and a boolean an int: the narrower come first.
_NAMES: Sequence[tuple[type, str]] = (
    (int, "int"), (Decimal, "decimal"), (float, "float"), (str, "text"), (datetime, "datetime"), (date, "date"),
    (UUID, "uuid"), (bytes, "bytes"),
)  # fmt: skip


def encode(value: Any) -> list[str]:
    """The value as [kind, text]. Raises Misconfigured for what has no order that is the same everywhere."""
    if isinstance(value, memoryview | bytearray):
        value = bytes(value)
    name = next((name for kind, name in _NAMES if isinstance(value, kind)), "")
    if not name or isinstance(value, bool) or (isinstance(value, float) and math.isnan(value)):
        raise Misconfigured(
            f"A value of the cursor or key is a {type(value).__name__}, which has no order to go on by. Choose a "
            "column of numbers, times, text or UUIDs that is never empty.",
            code="no_order",
        )
    return [name, value.hex() if name == "bytes" else value.isoformat() if "date" in name else str(value)]


def decode(kept: Sequence[str]) -> Any:
    """Undo `encode`."""
    return _READ[kept[0]](kept[1])


def back(value: Any, step: int) -> Any:
    """The cursor `step` seconds (or so many numbers) before; itself where that has no meaning."""
    if isinstance(value, datetime):
        return _or(value, lambda: value - timedelta(seconds=step))
    if isinstance(value, date):
        return _or(value, lambda: value - timedelta(days=-(-step // 86_400)))
    if isinstance(value, Decimal) and value.is_finite():
        # Exact whatever the number of digits: 28 as usual would round, and a cursor may not go forward.
        return Context(prec=len(value.as_tuple().digits) + abs(value.adjusted()) + 30).subtract(value, step)
    return value - step if isinstance(value, int) else value


def _or(value: Any, earlier: Callable[[], Any]) -> Any:
    try:
        return earlier()
    except OverflowError:
        return value


def instant(value: Any) -> datetime | None:
    """The time that a cursor tells; one without a zone is UTC. None for other cursors."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return None
