"""What records of CRMs have in common."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.destinations.kit import Field
from connectors.pulls.origin import number

LOOK_BACK = Field(
    label="Look back", type="integer", default=300,
    help="Seconds before the last change that are read again: changes may be found some minutes late. Records that "
    "were in already are known again.",
)  # fmt: skip


GONE = {
    "gone": Field(
        label="Records that are deleted", type="choice", default="nothing",
        choices=(("nothing", "change nothing"), ("event", "are told as an event")),
    ),
    "gone_event": Field(label="Event of deleted records", default="Row Deleted"),
}  # fmt: skip


def names_of(text: Any, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Names with commas between, or the usual ones."""
    return tuple(dict.fromkeys(one.strip() for one in str(text or "").split(",") if one.strip())) or usual


def moment(text: str) -> datetime:
    """An instant as vendors write it (ISO 8601)."""
    return datetime.fromisoformat(text).astimezone(UTC)


def usual_problems(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with how far is looked back, and with what is told of deleted records."""
    found = ["look_back: choose 0 or more."] if number(settings, "look_back", 0) < 0 else []
    if settings.get("gone") == "event" and not str(settings.get("gone_event", "Row Deleted")).strip():
        found.append("gone_event: name the event.")
    return found
