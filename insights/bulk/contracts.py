"""What a Parquet log holds, as its file `log.json` says. No Django."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from insights.contracts import OrderSetting
from insights.features.contracts import BadFeature, DeclaredView, Feature, Property
from insights.features.interactions import assembled

ENGINES = ("duckdb", "spark")
_FORM, _ABOUT = 1, "log.json"


class BadLog(ValueError):
    """The Parquet log cannot be written there, or cannot tell what is asked; the message says what to do."""


@dataclass(frozen=True, slots=True)
class LogView:
    """A Parquet log: everything that had come when it was made, as far as these features read it. It needs no database:
    what an order is and what people declared is in it."""

    made_at: datetime
    orders: OrderSetting
    features: Sequence[str]
    declared: Mapping[str, DeclaredView]
    properties: Sequence[Property]
    people: int = 0
    events: int = 0

    def chosen(self, names: Sequence[str]) -> list[Feature]:
        """The features with these names. Raises BadLog for one that cannot be told from this log."""
        missing = [name for name in names if name not in self.features]
        if missing:
            raise BadLog(
                f"{missing[0]}: this log was written without what that feature reads. Write it again with"
                f" --features {','.join([*self.features, missing[0]])}, or ask for features it has."
            )
        every = assembled(self.declared)
        return [every[name] for name in names]


def keep_about(folder: Path, view: LogView) -> None:
    """Write what the log holds. It is written last: a folder without it is no log."""
    told = asdict(view)
    told["orders"] = view.orders.to_json()
    told["declared"] = [{**one, "changed_at": ""} for one in told["declared"].values()]
    told["form"], told["made_at"] = _FORM, view.made_at.isoformat()
    (folder / _ABOUT).write_text(json.dumps(told, indent=1, ensure_ascii=False))


def about(folder: Path) -> LogView:
    """What the log in a folder holds. Raises BadLog when there is none that can be read."""
    try:
        told: dict[str, Any] = json.loads((folder / _ABOUT).read_text())
    except (OSError, ValueError) as error:
        raise BadLog(f"{folder} holds no log: have `manage.py export_log --out {folder}` write one.") from error
    if told.get("form") != _FORM:
        raise BadLog(f"{folder} was written by another version: have `manage.py export_log --out {folder}` do it anew.")
    made_at = datetime.fromisoformat(told["made_at"])
    return LogView(
        made_at.astimezone(UTC), OrderSetting.from_json(told["orders"]), tuple(told["features"]),
        {one["name"]: DeclaredView(**{**one, "changed_at": made_at}) for one in told["declared"]},
        tuple(Property(**one) for one in told["properties"]), told["people"], told["events"],
    )  # fmt: skip


def is_log(folder: Path) -> bool:
    """Whether a folder holds a log, of whatever version."""
    return (folder / _ABOUT).exists()


def expect_known(view: LogView, as_of: datetime) -> None:
    """Raises BadFeature when the instant lies after the log: what came since is not in it."""
    if as_of > view.made_at:
        raise BadFeature(
            f"as_of: the log holds what had come by {view.made_at.isoformat()}; choose that or an earlier instant, or"
            " write the log again."
        )
