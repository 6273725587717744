"""Charts of insights, with their table twins. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from cdp.templatetags.cdp_web import percent
from cdp.web.charts import Chart
from events.contracts import spoken
from insights.contracts import (
    ClusterView,
    CohortCell,
    CohortSpec,
    CohortsView,
    Feature,
    LifetimeView,
    RfmView,
    ScoredEngagement,
)
from insights.selectors import BACK


def _under(name: str) -> dict[str, Any]:
    """What an axis of categories counts, below it."""
    return {"name": name, "nameLocation": "middle", "nameGap": 26, "axisTick": {"show": False}}


def _over(name: str) -> dict[str, Any]:
    """What the upright axis measures, above it."""
    return {"name": name, "nameLocation": "end", "nameTextStyle": {"align": "left"}}


def heat_map(view: RfmView) -> Chart:
    """People by score of recency and score of frequency and monetary value."""
    columns = [str(one) for one in range(1, 6)]
    most = max((cell.people for cell in view.cells), default=0)
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"renderMode": "richText"},
        "legend": {"show": False},
        "grid": {"left": 8, "right": 12, "top": 28, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "category", "data": columns, "name": "How often and how much", "nameLocation": "middle",
                  "nameGap": 26, "axisTick": {"show": False}},
        "yAxis": {"type": "category", "data": columns, "name": "How recently", "nameLocation": "end",
                  "nameTextStyle": {"align": "left"}, "axisTick": {"show": False}},
        "visualMap": {"show": False, "min": 0, "max": max(most, 1)},
        "series": [
            {"name": "People", "type": "heatmap", "label": {"show": True},
             "data": [[cell.value - 1, cell.recency - 1, cell.people] for cell in view.cells]}
        ],
    }  # fmt: skip
    rows = [
        (f"{cell.segment}: recency {cell.recency}, value {cell.value}", f"{cell.people:,}", f"{cell.monetary:,.2f}")
        for cell in view.cells
    ]
    head = ("Segment and scores", "People", f"Net value {view.currency}".strip())
    return Chart("rfm-heat-map", "People by RFM scores", option, head, rows if view.people else ())


def cohorts(view: CohortsView, *, money: bool, spec: CohortSpec | None = None) -> Chart:
    """Who came back, or what they spent, by cohort and periods since."""
    latest = [*reversed(view.cohorts)]
    widest = max((len(one.cells) for one in latest), default=0)
    names = [_started(one.start, view.period) for one in latest]
    data = [
        [column, row, round(cell.monetary / max(one.people, 1), 2) if money else round(100 * cell.share, 1)]
        for row, one in enumerate(latest)
        for column, cell in enumerate(one.cells)
    ]
    shown = [one[2] for one in data if one[0] > 0]
    began = spoken(spec.first.event) if spec else "order"
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"renderMode": "richText"},
        "legend": {"show": False},
        "grid": {"left": 8, "right": 12, "top": 28, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "category", "data": [str(one) for one in range(widest)], "nameLocation": "middle",
                  "nameGap": 26, "name": f"{view.period.capitalize()}s since the first {began}",
                  "axisTick": {"show": False}},
        "yAxis": {"type": "category", "data": names, "inverse": True, "axisTick": {"show": False}},
        # The first period is everybody: the scale is that of coming back.
        "visualMap": {"show": False, "min": 0, "max": max(shown, default=1) or 1},
        "series": [{"name": "Net value a person" if money else "Share", "type": "heatmap", "data": data,
                    "label": {"show": widest <= 13}}],
    }  # fmt: skip
    rows = [
        (name, f"{one.people:,}", *(_cell(one.cells[place], money) if place < len(one.cells) else ""
                                    for place in range(widest)))
        for name, one in zip(names, latest, strict=True)
    ]  # fmt: skip
    did = BACK[spec.back] if spec else "ordered"
    label = f"Net value {view.currency} by cohort".replace("  ", " ") if money else f"Share of each cohort that {did}"
    return Chart("cohorts", label, option, ("Cohort", "People", *(str(one) for one in range(widest))), rows)


def _started(start: date, period: str) -> str:
    return f"{start:%b %Y}" if period == "month" else f"{start:%-d %b %Y}"


def _cell(cell: CohortCell, money: bool) -> str:
    return f"{cell.monetary:,.0f}" if money else percent(cell.share)


def profiles(clusters: Sequence[ClusterView], features: Mapping[str, Feature]) -> Chart:
    """Parallel coordinates: where the median of each group stands among everybody, feature by feature."""
    names = list(clusters[0].positions) if clusters else []
    titles = [features[name].title if name in features else name for name in names]
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "legend": {"top": 0, "type": "scroll"},
        "grid": {"left": 8, "right": 12, "top": 40, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "category", "data": titles, "axisTick": {"show": False}},
        "yAxis": {"type": "value", "min": 0, "max": 100, "interval": 25, "axisLabel": {"formatter": "{value} %"}},
        "series": [
            {
                "name": one.name or one.id, "type": "line", "symbolSize": 8,
                "symbol": ("circle", "rect", "triangle", "diamond")[place % 4],
                "lineStyle": {"type": ("solid", "dashed", "dotted")[place // 5 % 3]},
                "data": [_whole(one.positions[name]) for name in names],
            }
            for place, one in enumerate(clusters)
        ],
    }  # fmt: skip
    rows = [(one.name or one.id, *(_told(one.positions[name]) for name in names)) for one in clusters]
    label = "Where each group stands among everybody, in percent"
    return Chart("group-profiles", label, option, ("Group", *titles), rows)


def radar(clusters: Sequence[ClusterView], features: Mapping[str, Feature]) -> Chart:
    """The same as a radar: a spoke for each feature, a line for each group."""
    names = list(clusters[0].positions) if clusters else []
    titles = [features[name].title if name in features else name for name in names]
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"renderMode": "richText"},
        "legend": {"top": 0, "type": "scroll"},
        "radar": {"radius": "62%", "center": ["50%", "56%"], "splitNumber": 4,
                  "indicator": [{"name": title, "max": 100, "min": 0} for title in titles]},
        "series": [{
            "type": "radar", "symbolSize": 6,
            "data": [
                {"name": one.name or one.id, "value": [_whole(one.positions[name]) for name in names],
                 "lineStyle": {"type": ("solid", "dashed", "dotted")[place // 5 % 3]}}
                for place, one in enumerate(clusters)
            ],
        }],
    }  # fmt: skip
    rows = [(one.name or one.id, *(_told(one.positions[name]) for name in names)) for one in clusters]
    label = "Where each group stands among everybody, as a radar"
    return Chart("group-radar", label, option, ("Group", *titles), rows if len(names) > 2 else ())


def trials(found: Sequence[Mapping[str, Any]]) -> Chart:
    """The silhouette of each number of groups that was tried."""
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "legend": {"show": False},
        "grid": {"left": 8, "right": 12, "top": 28, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "category", "data": [str(one["groups"]) for one in found], **_under("Number of groups")},
        "yAxis": {"type": "value", "splitNumber": 3, **_over("Silhouette")},
        "series": [{"name": "Silhouette", "type": "bar", "barMaxWidth": 40,
                    "data": [round(one["silhouette"], 4) for one in found]}],
    }  # fmt: skip
    rows = [
        (
            str(one["groups"]), f"{one['silhouette']:.3f}" + (f" ± {one['sd']:.3f}" if one["sd"] else ""),
            f"{one['stability']:.2f}", percent(one['least_share']), "yes" if one["good"] else "no",
        )
        for one in found
    ]  # fmt: skip
    head = ("Groups", "Silhouette", "Stability (ARI)", "Smallest group", "Eligible")
    return Chart("group-trials", "What was tried", option, head, rows)


def deciles(view: LifetimeView) -> Chart:
    """What was expected of tenths of the customers beside what came."""
    found = view.check.deciles if view.check else ()
    names = [str(place + 1) for place in range(len(found))]
    pairs = (("Expected", [one.expected_value for one in found]), ("Came", [one.value for one in found]))
    option = {
        "aria": {"enabled": True, "decal": {"show": True}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "legend": {"top": 0},
        "grid": {"left": 8, "right": 12, "top": 36, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "category", "data": names, **_under("Tenths of the customers")},
        "yAxis": {"type": "value", "splitNumber": 4, **_over(view.currency)},
        "series": [
            {"name": name, "type": "bar", "barMaxWidth": 28, "data": [round(one, 2) for one in values]}
            for name, values in pairs
        ],
    }  # fmt: skip
    rows = [
        (name, f"{one.people:,}", f"{one.expected_orders:.2f}", f"{one.orders:.2f}", f"{one.expected_value:,.2f}",
         f"{one.value:,.2f}")
        for name, one in zip(names, found, strict=True)
    ]  # fmt: skip
    money = f" {view.currency}".rstrip()
    head = ("Tenth", "People", "Orders expected", "Orders", f"Value expected{money}", f"Value{money}")
    return Chart("lifetime-deciles", "Value of a customer by tenths, expected and come", option, head, rows)


def _whole(position: float | None) -> int | None:
    return None if position is None else round(100 * position)


def _told(position: float | None) -> str:
    return "–" if position is None else f"{100 * position:.0f} %"


def engagement(view: ScoredEngagement) -> Chart:
    """People by tens of the score."""
    names = [f"{one.least}–{one.least + 10}" for one in view.bands]
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"renderMode": "richText"},
        "legend": {"show": False},
        "grid": {"left": 8, "right": 12, "top": 28, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "category", "data": names, **_under("Score")},
        "yAxis": {"type": "value", "minInterval": 1, **_over("People")},
        "series": [{"name": "People", "type": "bar", "barMaxWidth": 32, "data": [one.people for one in view.bands]}],
    }  # fmt: skip
    told = [(name, f"{one.people:,}") for name, one in zip(names, view.bands, strict=True)]
    return Chart("engagement", "People by engagement score", option, ("Score", "People"), told)
