"""From sums to a verdict in words. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from campaigns.contracts import ArmFigure, ExperimentView, Health, Metric, MetricResult, ResultView
from campaigns.experiments import statistics
from campaigns.experiments.statistics import Estimate, Sample

# As GrowthBook and PostHog warn: https://docs.growthbook.io/app/experiment-results#sample-ratio-mismatch-srm
MISMATCH = 0.001
LEAST_PEOPLE = 50
LEAST_CONVERSIONS = 5
LEAST_DAYS = 3
MOST_CONTAMINATED = 0.05


def judge(
    experiment: ExperimentView, *, counts: Mapping[str, int], contaminated: int,
    sums: Sequence[Mapping[str, Sample]], now: datetime,
) -> ResultView:  # fmt: skip
    """What is found at `now`: health first, then each metric, then what to do."""
    health = _health(experiment, counts, contaminated)
    found = [_metric(experiment, metric, by) for metric, by in zip(experiment.metrics, sums, strict=True)]
    results = _corrected(found, experiment.correction)
    verdict, words, leader = _verdict(experiment, health, results, sums, now)
    return ResultView(now, health, results, verdict, words, leader)


def _health(experiment: ExperimentView, counts: Mapping[str, int], contaminated: int) -> Health:
    came = [counts[one.key] for one in experiment.variants]
    p, people = statistics.mismatch(came, [one.weight for one in experiment.variants]), sum(came)
    problems = []
    if p < MISMATCH:
        problems.append(
            "The variants were not seen by the shares of people that their weights ask for, and chance does not explain"
            " it. Look whether one of them fails to load, is slower, or is counted at another place."
        )
    if contaminated > MOST_CONTAMINATED * max(people, 1):
        problems.append(
            "Many people saw more than one variant. Look whether whoever shows them asks by the same identifier"
            " everywhere."
        )
    return Health(people, contaminated, p, tuple(problems))


def _metric(experiment: ExperimentView, metric: Metric, by: Mapping[str, Sample]) -> MetricResult:
    present = [one.key for one in experiment.variants if by.get(one.key, Sample(0)).n > 0]
    plain = [statistics.ratio_of(by[key]) if metric.kind == "ratio" else statistics.mean_of(by[key]) for key in present]
    helped = statistics.adjusted([by[key] for key in present]) if metric.kind != "ratio" and present else plain
    # What people did before is used only where it says something.
    adjusted = sum(one.variance for one in helped) < 0.999 * sum(one.variance for one in plain)
    estimates = dict(zip(present, helped if adjusted else plain, strict=True))
    shown = dict(zip(present, plain, strict=True))
    control = experiment.control.key
    arms = []
    for one in experiment.variants:
        if one.key not in estimates:
            arms.append(ArmFigure(one.key, 0, 0.0))
            continue
        figure = ArmFigure(one.key, estimates[one.key].n, shown[one.key].mean)
        if by[one.key].limit is not None:
            figure = replace(figure, uncapped=by[one.key].raw / by[one.key].n)
        if one.key != control and control in estimates:
            figure = _beside(experiment, figure, estimates[control], estimates[one.key])
        arms.append(figure)
    limit = next((one.limit for one in by.values() if one.limit is not None), None)
    return MetricResult(metric.name, metric.guardrail, adjusted, tuple(arms), limit)


def _beside(experiment: ExperimentView, figure: ArmFigure, control: Estimate, other: Estimate) -> ArmFigure:
    if experiment.sequential:
        found = statistics.compare_always(control, other, alpha=experiment.alpha, expected=experiment.expected)
    else:
        found = statistics.compare(control, other, alpha=experiment.alpha)
    if found is None:
        return figure
    return replace(
        figure, lift=found.lift, low=found.low, high=found.high, p=found.p, chance_to_win=found.chance_to_win
    )  # fmt: skip


def _corrected(found: Sequence[MetricResult], correction: str) -> tuple[MetricResult, ...]:
    """p of all comparisons that may decide, adjusted together."""
    places = [
        (at, place) for at, one in enumerate(found) for place, arm in enumerate(one.arms)
        if not one.guardrail and arm.p is not None
    ]  # fmt: skip
    adjust = statistics.benjamini_hochberg if correction == "benjamini_hochberg" else statistics.holm
    values = adjust([found[at].arms[place].p or 0.0 for at, place in places])
    arms = [list(one.arms) for one in found]
    for (at, place), p in zip(places, values, strict=True):
        arms[at][place] = replace(arms[at][place], p=p)
    return tuple(replace(one, arms=tuple(changed)) for one, changed in zip(found, arms, strict=True))


def _verdict(
    experiment: ExperimentView, health: Health, results: Sequence[MetricResult], sums: Sequence[Mapping[str, Sample]],
    now: datetime,
) -> tuple[str, str, str]:  # fmt: skip
    if health.problems:
        return "unhealthy", "The numbers cannot be believed yet. " + health.problems[0], ""
    waiting = _too_early(experiment, health, sums, now)
    if waiting:
        return "too_early", waiting, ""
    names = {one.key: one.name for one in experiment.variants}
    place = next(at for at, metric in enumerate(experiment.metrics) if not metric.guardrail)
    metric, result = experiment.metrics[place], results[place]
    sign = 1 if metric.more_is_better else -1
    others = [one for one in result.arms[1:] if one.lift is not None and one.p is not None]
    sure = [one for one in others if (one.p or 0.0) < experiment.alpha]
    complete = health.people >= experiment.expected
    if experiment.sequential or complete:
        good = [one for one in sure if sign * (one.lift or 0.0) > 0]
        if good:
            return _ship(experiment, results, max(good, key=lambda one: sign * (one.lift or 0.0)), metric, names)
        if sure and len(sure) == len(experiment.variants) - 1:
            return "roll_back", f"{names[experiment.control.key]} is better in {metric.name} than all others.", ""
    if complete:
        return "no_difference", f"{health.people:,} people came and no variant is surely better in {metric.name}.", ""
    missing = experiment.expected - health.people
    return "keep_running", f"Nothing is sure yet. The plan asks for {missing:,} more people.", ""


def _ship(
    experiment: ExperimentView, results: Sequence[MetricResult], best: ArmFigure, metric: Metric,
    names: Mapping[str, str],
) -> tuple[str, str, str]:  # fmt: skip
    worse = _harm(experiment, results, best.variant)
    change = f"{names[best.variant]} changes {metric.name} by {best.lift or 0.0:+.1%}"
    if worse:
        return "roll_back", f"{change}, but makes {worse} worse, which must not get worse.", best.variant
    between = f"surely between {best.low or 0.0:+.1%} and {best.high or 0.0:+.1%}"
    return "ship", f"{change} ({between}). Nothing that must not get worse did.", best.variant


def _harm(experiment: ExperimentView, results: Sequence[MetricResult], variant: str) -> str:
    """The first guardrail that a variant surely harms."""
    for metric, result in zip(experiment.metrics, results, strict=True):
        arm = next(one for one in result.arms if one.variant == variant)
        if not metric.guardrail or arm.low is None or arm.high is None:
            continue
        if (arm.high < 0) if metric.more_is_better else (arm.low > 0):
            return metric.name
    return ""


def _too_early(
    experiment: ExperimentView, health: Health, sums: Sequence[Mapping[str, Sample]], now: datetime
) -> str:  # fmt: skip
    started = experiment.started_at or now
    if (days := (now - started).total_seconds() / 86_400) < LEAST_DAYS:
        return f"It runs for {days:.1f} days. Weekdays differ, so a verdict waits for {LEAST_DAYS}."
    least = min(sums[0].get(one.key, Sample(0)).n for one in experiment.variants)
    if least < LEAST_PEOPLE:
        return f"One variant has {least} people. A verdict waits for {LEAST_PEOPLE} in each."
    for metric, by in zip(experiment.metrics, sums, strict=True):
        if metric.kind == "conversion" and not metric.guardrail:
            fewest = min(by.get(one.key, Sample(0)).y for one in experiment.variants)
            if fewest < LEAST_CONVERSIONS:
                return f"One variant has {fewest:.0f} conversions in {metric.name}; {LEAST_CONVERSIONS} are needed."
    return ""
