"""Charts of KPIs, with their table twins. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from cdp.web.charts import Chart, _base
from cdp.web.kpi_form import written
from insights.contracts import Kpi, KpiReport

# From this share on the axis goes to the whole; left alone it would end at 120 %.
_MOST_OF_IT = 0.75


def trend(report: KpiReport, kpi: Kpi) -> Chart:
    """A KPI by day, the period before under it, and what happened here as lines across."""
    days, before = report.days[kpi.key], report.days_before.get(kpi.key, ())
    names = [_name(day) for day, _ in days]
    option = _base(names)
    option["yAxis"] = {"type": "value", "splitNumber": 3, "scale": kpi.unit == "points"}
    if kpi.unit == "share":
        option["yAxis"]["axisLabel"] = {"formatter": "{value} %"}
        if max((value or 0.0 for _, value in (*days, *before)), default=0.0) > _MOST_OF_IT:
            option["yAxis"] |= {"max": 100, "interval": 25}
    line: dict[str, Any] = {
        "name": kpi.title, "type": "line", "showSymbol": len(days) < 40, "symbolSize": 5, "data": _data(kpi, days),
        "areaStyle": {"opacity": 0.12},
    }  # fmt: skip
    noted = sorted({day for day, _ in report.annotations})
    if noted:
        line["markLine"] = {
            "silent": True, "symbol": "none", "lineStyle": {"type": "dashed", "width": 1.5},
            "label": {"formatter": "{b}", "position": "insideEndTop", "rotate": 0, "fontSize": 11},
            "data": [{"xAxis": _name(day), "name": str(place)} for place, day in enumerate(noted, 1)],
        }  # fmt: skip
    series = [line]
    if before:
        series.append({
            "name": "Before", "type": "line", "showSymbol": False, "lineStyle": {"type": "dashed", "width": 1.5},
            "data": _data(kpi, before),
        })  # fmt: skip
    option["series"] = series
    option["palette"] = [0, 4]
    rows = []
    for place, (day, value) in enumerate(days):
        then = written(kpi, before[place][1], report.currency) if place < len(before) else ""
        happened = "; ".join(one.text for noted_day, one in report.annotations if noted_day == day)
        rows.append((f"{day:%-d %b %Y}", written(kpi, value, report.currency), *((then,) if before else ()), happened))
    head = ("Day", kpi.title, *(("Before",) if before else ()), "What happened")
    some = any(value for _, value in (*days, *before))
    unit = {"money": report.currency, "minutes": "minutes"}.get(kpi.unit, "")
    label = f"{kpi.title}{f' in {unit}' if unit else ''}, by day"
    return Chart(f"kpi-{kpi.key}", label, option, head, rows if some else ())


def spark(report: KpiReport, kpi: Kpi) -> Chart:
    """A KPI by day, small."""
    chart = trend(report, kpi)
    option = {
        **chart.option, "legend": {"show": False},
        "grid": {"left": 8, "right": 8, "top": 10, "bottom": 4, "containLabel": True},
    }  # fmt: skip
    option["series"] = [{**one, "markLine": None} for one in option["series"]]
    return Chart(chart.id, chart.label, option, chart.head, chart.rows)


def noted_days(report: KpiReport) -> list[tuple[int, date, list[Any]]]:
    """What the numbers of the lines in the chart stand for."""
    days = sorted({day for day, _ in report.annotations})
    return [(n, day, [one for other, one in report.annotations if other == day]) for n, day in enumerate(days, 1)]


def _data(kpi: Kpi, days: Sequence[tuple[date, float | None]]) -> list[float | None]:
    return [None if value is None else round(100 * value if kpi.unit == "share" else value, 3) for _, value in days]


def _name(day: date) -> str:
    return f"{day:%-d %b %y}"
