"""Charts of record linkage: what a model believes, how its pairs are spread, where a run spent its time. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdp.templatetags.cdp_web import num
from cdp.web import linkage_words
from cdp.web.charts import Chart
from identity.contracts import ComparisonView

# Places in the palette of static/cdp/js/chart.js.
_BLUE, _GREEN, _BROWN, _GREY = 0, 2, 3, 4


def beliefs(comparisons: Sequence[ComparisonView]) -> list[Chart]:
    """For each comparison how often each level is found between records of one person, of strangers, of a household."""
    return [_belief(number, one) for number, one in enumerate(comparisons)]


def _belief(number: int, one: ComparisonView) -> Chart:
    levels = [(linkage_words.level(level.words), level) for level in one.levels]
    option = _lying([words for words, _ in levels])
    option["xAxis"] |= {"max": 100, "interval": 25, "axisLabel": {"formatter": "{value} %"}}
    option["palette"] = [_BLUE, _GREY, _BROWN]
    option["series"] = [
        {"name": name, "type": "bar", "barMaxWidth": 8, "barGap": "10%",
         "data": [round(getattr(level, key) * 100, 3) for _, level in levels]}
        for name, key in (("One person", "one_person"), ("Strangers", "strangers"), ("A household", "household"))
    ]  # fmt: skip
    rows = [
        (words, _share(level.one_person), _share(level.strangers), _share(level.household), f"{level.bits:+.1f}")
        for words, level in levels
    ]
    head = ("Found", "One person", "Strangers", "A household", "Bits")
    label = linkage_words.label(one.name)
    return Chart(f"belief-{number}", label[:1].upper() + label[1:], option, head, rows)


def _share(value: float) -> str:
    text = f"{value * 100:.2g}" if value < 0.01 else f"{value * 100:.1f}"
    return f"{float(text):f}".rstrip("0").rstrip(".") + " %"


def spread(histogram: Sequence[Sequence[float]]) -> Chart:
    """How many pairs lie at which probability; static/cdp/js/thresholds.js sorts the bars by side of the thresholds."""
    rows = [(f"{low:.2f} to {high:.2f}", num(int(pairs))) for low, high, pairs in histogram]
    option = _standing([f"{low:.2f}" for low, _, _ in histogram])
    option["palette"] = [_BLUE, _BROWN, _GREY]
    nothing, pairs = [0] * len(histogram), [int(row[2]) for row in histogram]
    option["series"] = [
        {"name": name, "type": "bar", "stack": "pairs", "barCategoryGap": "12%", "data": data}
        for name, data in (("Linked", nothing), ("Put to a steward", nothing), ("Left apart", pairs))
    ]
    return Chart("spread", "Pairs by probability of one person", option, ("Probability", "Pairs"), rows)


def unlinkable(rows: Sequence[Sequence[float]]) -> Chart:
    """The share of records that not even an exact copy of themselves would reach, by threshold."""
    option = _standing([f"{at:.2f}" for at, _ in rows])
    option["yAxis"] |= {"axisLabel": {"formatter": "{value} %"}, "minInterval": 0}
    option["palette"] = [_BROWN]
    option["legend"] = {"show": False}
    option["series"] = [
        {"name": "Cannot be linked", "type": "line", "areaStyle": {"opacity": 0.15}, "showSymbol": False,
         "data": [round(share * 100, 2) for _, share in rows]}
    ]  # fmt: skip
    told = [(f"{at:.2f}", f"{share * 100:.1f} %") for at, share in rows]
    return Chart("unlinkable", "Records that cannot be linked, by threshold", option, ("Threshold", "Records"), told)


def stages(seconds: Mapping[str, float]) -> Chart:
    """How long each stage of a run took."""
    rows = [(linkage_words.stage(name), f"{took:,.1f} s") for name, took in seconds.items()]
    option = _lying([row[0] for row in rows])
    option["xAxis"]["axisLabel"] = {"formatter": "{value} s"}
    option["legend"] = {"show": False}
    option["grid"]["top"] = 4
    option["palette"] = [_BLUE]
    option["series"] = [
        {"name": "Seconds", "type": "bar", "barMaxWidth": 16, "data": [round(took, 1) for took in seconds.values()]}
    ]
    return Chart("stages", "Time of each stage", option, ("Stage", "Took"), rows)


def _base() -> dict[str, Any]:
    return {
        "aria": {"enabled": True, "decal": {"show": False}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "legend": {"top": 0, "right": 0, "icon": "roundRect", "itemWidth": 12, "itemHeight": 8, "itemGap": 8},
        "grid": {"left": 12, "right": 18, "top": 38, "bottom": 2, "containLabel": True},
    }


def _standing(categories: Sequence[str]) -> dict[str, Any]:
    return _base() | {
        "xAxis": {"type": "category", "data": list(categories), "axisTick": {"show": False}},
        "yAxis": {"type": "value", "splitNumber": 3, "minInterval": 1},
    }


def _lying(categories: Sequence[str]) -> dict[str, Any]:
    """Bars that lie, for categories with long names; the first is on top."""
    return _base() | {
        "xAxis": {"type": "value", "splitNumber": 3},
        "yAxis": {"type": "category", "data": list(categories), "inverse": True, "axisTick": {"show": False}},
    }
