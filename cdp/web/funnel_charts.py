"""Charts of funnels and paths, with their table twins. Pure."""

from cdp.templatetags.cdp_web import percent
from cdp.web.charts import Chart
from cdp.web.funnel_form import lasted
from events.contracts import spoken
from insights.contracts import FunnelResult, FunnelSpec, PathResult, PathSpec


def funnel(spec: FunnelSpec, found: FunnelResult) -> Chart:
    """People by step."""
    names = [f"{n}. {spoken(step.event)}" for n, step in enumerate(spec.steps, 1)]
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "legend": {"show": False},
        "grid": {"left": 8, "right": 56, "top": 8, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "value", "splitNumber": 3, "minInterval": 1},
        "yAxis": {"type": "category", "data": names, "inverse": True, "axisTick": {"show": False},
                  "axisLabel": {"width": 150, "overflow": "truncate"}},
        "series": [{"name": "People", "type": "bar", "barMaxWidth": 34, "data": [one.people for one in found.steps],
                    "label": {"show": True, "position": "right"}}],
    }  # fmt: skip
    rows = [
        (name, f"{one.people:,}", percent(one.of_first), percent(one.of_previous), lasted(one.median_seconds))
        for name, one in zip(names, found.steps, strict=True)
    ]
    head = ("Step", "People", "Of the first step", "Of the step before", "Median time since")
    return Chart("funnel", "People by step", option, head, rows if found.steps[0].people else ())


def paths(spec: PathSpec, found: PathResult) -> Chart:
    """Ways as a Sankey diagram. Names are told apart by their place, for an event may come at several."""
    back = spec.direction == "before"
    links = [
        {"source": f"{one.level - 1}. {spoken(one.here)}", "target": f"{one.level}. {spoken(one.there)}",
         "value": one.count}
        for one in found.links
    ]  # fmt: skip
    if back:
        links = [{**one, "source": one["target"], "target": one["source"]} for one in links]
    nodes = sorted({str(one[end]) for one in links for end in ("source", "target")})
    option = {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"renderMode": "richText"},
        "legend": {"show": False},
        "series": [{
            "type": "sankey", "left": 4, "right": 150, "top": 8, "bottom": 8, "nodeGap": 10, "draggable": False,
            "nodeAlign": "right" if back else "left", "data": [{"name": name} for name in nodes], "links": links,
            "lineStyle": {"color": "gradient", "opacity": 0.35}, "label": {"width": 140, "overflow": "truncate"},
            "labelLayout": {"hideOverlap": True},
        }],
    }  # fmt: skip
    rows = [
        (
            str(one.level),
            spoken(one.here),
            spoken(one.there),
            f"{one.count:,}",
            percent(one.count / max(found.total, 1)),
        )
        for one in found.links
    ]
    head = ("Place", "Here", "Before it" if back else "After it", "Times", "Of all")
    return Chart("paths", f"What happens {spec.direction} {spoken(spec.event)}", option, head, rows)
