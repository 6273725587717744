"""Charts of predictions, with their table twins. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdp.templatetags.cdp_web import percent
from cdp.web.charts import Chart
from insights.contracts import Feature

_SHOWN = 15


def _base() -> dict[str, Any]:
    return {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "legend": {"top": 0},
        "grid": {"left": 8, "right": 12, "top": 40, "bottom": 4, "containLabel": True},
    }


def deciles(name: str, label: str, rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Tenths from the highest scores down: what was foretold and, where it is known, what came true."""
    known = bool(rows) and "rate" in rows[0]
    option = {
        **_base(),
        "grid": {"left": 8, "right": 12, "top": 40, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "category", "data": [str(one["decile"]) for one in rows], "axisTick": {"show": False},
                  "name": "Tenths, the highest scores first", "nameLocation": "middle", "nameGap": 26},
        "yAxis": {"type": "value", "axisLabel": {"formatter": "{value} %"}},
        "series": [
            {"name": "Mean score", "type": "bar", "barMaxWidth": 28,
             "data": [round(100 * one["score"], 1) for one in rows]},
            *([{"name": "Came true", "type": "line", "symbolSize": 8, "symbol": "diamond",
                "data": [round(100 * one["rate"], 1) for one in rows]}] if known else []),
        ],
    }  # fmt: skip
    head: tuple[str, ...] = ("Tenth", "People", "Mean score")
    if known:
        head = (*head, "Came true", "Lift")
    told = [
        (
            str(one["decile"]), f"{one['people']:,}", percent(one['score']),
            *((percent(one['rate']), f"{one['lift']:.2f}") if known else ()),
        )
        for one in rows
    ]  # fmt: skip
    return Chart(name, label, option, head, told)


def reliability(rows: Sequence[Mapping[str, float]]) -> Chart:
    """Scores beside what came true: on the diagonal a score is a probability."""
    points = [[round(100 * one["score"], 1), round(100 * one["rate"], 1)] for one in rows]
    axis = {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}}
    option = {
        **_base(),
        "xAxis": {**axis, "name": "Score", "nameLocation": "middle", "nameGap": 26},
        "yAxis": {**axis},
        "grid": {"left": 8, "right": 16, "top": 40, "bottom": 28, "containLabel": True},
        "series": [
            {"name": "Came true", "type": "line", "symbolSize": 9, "data": points},
            {"name": "Exact", "type": "line", "symbol": "none", "lineStyle": {"type": "dashed"},
             "data": [[0, 0], [100, 100]]},
        ],
    }  # fmt: skip
    told = [
        (f"from {100 * one['from']:.0f} %", f"{one['people']:,}", percent(one["score"]), percent(one["rate"]))
        for one in rows
    ]
    return Chart("reliability", "Scores beside what came true", option, ("Scores", "People", "Mean", "Came true"), told)


def importance(rows: Sequence[Mapping[str, Any]], features: Mapping[str, Feature]) -> Chart:
    """How much each feature moves scores."""
    shown = rows[:_SHOWN]
    titles = [features[one["feature"]].title if one["feature"] in features else one["feature"] for one in shown]
    option = {
        **_base(),
        "legend": {"show": False},
        "grid": {"left": 8, "right": 12, "top": 8, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "value", "name": "Mean effect on the log-odds", "nameLocation": "middle", "nameGap": 26},
        "yAxis": {"type": "category", "inverse": True, "data": titles, "axisTick": {"show": False}},
        "series": [{"name": "Effect", "type": "bar", "barMaxWidth": 18,
                    "data": [round(one["effect"], 4) for one in shown]}],
    }  # fmt: skip
    told = [(title, f"{one['effect']:.3f}") for title, one in zip(titles, shown, strict=True)]
    return Chart("importance", "How much each feature moves the log-odds", option, ("Feature", "Mean effect"), told)
