"""Charts as ECharts options with their table twins, made on the server. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from segments.contracts import SizePoint


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: `option` for the browser, `head` and `rows` for the table that says the same."""

    id: str
    label: str
    option: dict[str, Any]
    head: Sequence[str]
    rows: Sequence[Sequence[Any]] = field(default=())

    @property
    def empty(self) -> bool:
        return not self.rows

    @property
    def script_id(self) -> str:
        """The id of the element that holds the options."""
        return f"chart-{self.id}"


def events_per_hour(
    tallies: Iterable[tuple[datetime, int, int, int, int, int]], *, now: datetime, hours: int = 48
) -> Chart:
    """Applied and refused events of each hour, over all sources given."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    counted = {first + timedelta(hours=index): [0, 0] for index in range(hours)}
    for hour, _, applied, _, refused, _ in tallies:
        if hour in counted:
            counted[hour][0] += applied
            counted[hour][1] += refused
    some = any(one or two for one, two in counted.values())
    rows = [(_hour(hour), applied, refused) for hour, (applied, refused) in counted.items()]
    zone = timezone.localtime(now).strftime("%Z")
    option = _base([row[0] for row in rows])
    option["series"] = [
        {
            "name": "Applied",
            "type": "line",
            "areaStyle": {"opacity": 0.18},
            "showSymbol": False,
            "data": [r[1] for r in rows],
        },
        {"name": "Refused", "type": "line", "showSymbol": False, "data": [r[2] for r in rows]},
    ]
    label = f"Events per hour, last {hours} hours ({zone})"
    return Chart("events-per-hour", label, option, ("Hour", "Applied", "Refused"), rows if some else ())


def segment_sizes(points: Sequence[SizePoint]) -> Chart:
    """Members of a segment over time, with who entered and left."""
    rows = [(_hour(point.hour), point.members, point.entered, point.exited) for point in points]
    option = _base([row[0] for row in rows])
    option["series"] = [
        {"name": "Members", "type": "line", "step": "end", "areaStyle": {"opacity": 0.15}, "showSymbol": len(rows) < 3,
         "data": [row[1] for row in rows]},
        {"name": "Left", "type": "bar", "stack": "moves", "barMaxWidth": 20, "data": [-row[3] for row in rows]},
        {"name": "Entered", "type": "bar", "stack": "moves", "barMaxWidth": 20, "data": [row[2] for row in rows]},
    ]  # fmt: skip
    return Chart("segment-size", "Members over time", option, ("Hour", "Members", "Entered", "Left"), rows)


def _base(categories: Sequence[str]) -> dict[str, Any]:
    return {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "legend": {"top": 0, "right": 0, "icon": "roundRect", "itemWidth": 12, "itemHeight": 8},
        "grid": {"left": 8, "right": 12, "top": 34, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "category", "data": list(categories), "axisTick": {"show": False}},
        "yAxis": {"type": "value", "splitNumber": 3, "minInterval": 1},
    }


def _hour(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%-d %b %H:%M")
