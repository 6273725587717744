"""Charts of recommendations, with their table twins. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdp.web.charts import Chart
from insights.contracts import RecommenderView

_LINES = (("ndcg", "NDCG at 10"), ("coverage", "Coverage"), ("diversity", "Diversity"), ("serendipity", "Serendipity"))


def runs(versions: Sequence[RecommenderView]) -> Chart:
    """The measures run by run, the oldest first."""
    judged = [one for one in reversed(versions) if one.figures["measures"]["model"]["people"]]
    names = [str(one.version) for one in judged]
    series: list[dict[str, Any]] = [
        {
            "name": title, "type": "line", "symbolSize": 8, "symbol": ("circle", "rect", "triangle", "diamond")[place],
            "lineStyle": {"type": ("solid", "dashed", "dotted", "solid")[place]},
            "data": [round(one.figures["measures"]["model"][key], 4) for one in judged],
        }
        for place, (key, title) in enumerate(_LINES)
    ]  # fmt: skip
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "legend": {"top": 0, "type": "scroll"},
        "grid": {"left": 8, "right": 12, "top": 40, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "category", "data": names, "name": "Version", "nameLocation": "middle", "nameGap": 26,
                  "axisTick": {"show": False}},
        "yAxis": {"type": "value", "min": 0},
        "series": series,
    }  # fmt: skip
    rows = [
        (one, *(f"{line['data'][place]:.3f}" for line in series)) for place, one in enumerate(names)
    ]  # fmt: skip
    head = ("Version", *(title for _, title in _LINES))
    return Chart("recommendation-runs", "Measures by version", option, head, rows)


def trials(found: Sequence[Mapping[str, Any]]) -> Chart:
    """What was tried, the best first."""
    ordered = sorted(found, key=lambda one: -float(one["ndcg"]))
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "legend": {"show": False},
        "grid": {"left": 8, "right": 12, "top": 28, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "category", "data": [str(place + 1) for place in range(len(ordered))],
                  "axisTick": {"show": False}, "name": "What was tried, the best first", "nameLocation": "middle",
                  "nameGap": 26},
        "yAxis": {"type": "value", "splitNumber": 3, "name": "NDCG at 10", "nameLocation": "end",
                  "nameTextStyle": {"align": "left"}},
        "series": [{"name": "NDCG at 10", "type": "bar", "barMaxWidth": 40,
                    "data": [round(float(one["ndcg"]), 4) for one in ordered]}],
    }  # fmt: skip
    rows = [
        (
            str(place + 1), str(one["factors"]), f"{one['regularisation']:g}", f"{one['alpha']:g}",
            " : ".join(f"{share:g}" for share in one["mix"]), f"{one['ndcg']:.4f}",
        )
        for place, one in enumerate(ordered)
    ]  # fmt: skip
    head = ("Place", "Factors", "Regularisation", "Alpha", "Factors : together : alike", "NDCG at 10")
    return Chart("recommendation-trials", "What was tried", option, head, rows)
