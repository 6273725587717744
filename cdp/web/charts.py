"""Charts as ECharts options with their table twins, made on the server. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
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


def events_per_hour(tallies: Iterable[tuple[Any, ...]], *, now: datetime, hours: int = 48) -> Chart:
    """Applied and refused events of each hour, over all sources given."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    counted = {first + timedelta(hours=index): [0, 0] for index in range(hours)}
    for hour, _, applied, _, refused, *_ in tallies:
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


def volume_and_validity(days: Sequence[tuple[date, Sequence[int]]]) -> Chart:
    """Of each day: volume, what was set aside, repeated, what looks repeated; and the share of what was judged (the
    last two numbers: judged, faulty) that holds."""
    shares = [round(100 * (1 - told[5] / told[4]), 1) if told[4] else None for _, told in days]
    names = [f"{day:%-d %b}" for day, _ in days]
    told = [(name, *numbers[:4]) for name, (_, numbers) in zip(names, days, strict=True)]
    option = _base(names)
    option["yAxis"] = [option["yAxis"], {"type": "value", "min": 0, "max": 100, "splitLine": {"show": False},
                                         "axisLabel": {"formatter": "{value} %"}}]  # fmt: skip
    option["series"] = [
        {"name": "Volume", "type": "bar", "barMaxWidth": 24, "data": [row[1] for row in told]},
        {"name": "Set aside", "type": "bar", "barMaxWidth": 24, "data": [row[2] for row in told]},
        {"name": "Valid, %", "type": "line", "yAxisIndex": 1, "connectNulls": False, "data": shares},
    ]  # fmt: skip
    rows = [(*row, "–" if share is None else f"{share} %") for row, share in zip(told, shares, strict=True)]
    head = ("Day", "Volume", "Set aside", "Repeated", "Look repeated", "Valid")
    return Chart("quality", "Events a day, last 30 days", option, head, rows)


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


def steps_of_campaign(steps: Sequence[tuple[str, Any]]) -> Chart:
    """How many came to each step of a campaign, and how many of them still wait there."""
    rows = [(name, one.came, one.waiting) for name, one in steps]
    option = _base([row[0] for row in rows])
    option["series"] = [
        {"name": "Went on", "type": "bar", "stack": "came", "barMaxWidth": 36, "data": [r[1] - r[2] for r in rows]},
        {"name": "Wait", "type": "bar", "stack": "came", "barMaxWidth": 36, "data": [r[2] for r in rows]},
    ]  # fmt: skip
    some = any(row[1] for row in rows)
    return Chart("campaign-steps", "People by step", option, ("Step", "Came", "Wait"), rows if some else ())


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
