"""Statistics of experiments on sufficient statistics alone. Pure; each function names its source.

A `Sample` is one variant's people: how many, and sums over them of the metric `y`, of a covariate `x` from before they
were exposed, of a denominator `d`, and of the products. Everything else follows from these, so that analysing is one
`GROUP BY`, however many people there are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import erf, exp, log, sqrt

from scipy import special


@dataclass(frozen=True, slots=True)
class Sample:
    """Sums over the `n` people of a variant. Where `y` is capped at `limit`, `raw` is its sum without the cap."""

    n: int
    y: float = 0.0
    yy: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    d: float = 0.0
    dd: float = 0.0
    yd: float = 0.0
    raw: float = 0.0
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of people (or a ratio of means) and the variance of one person's part in it."""

    n: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference of two means, relative to the first: the lift, its interval, and how surely it is not nothing."""

    lift: float
    low: float
    high: float
    p: float
    chance_to_win: float


def mean_of(sample: Sample) -> Estimate:
    """The mean of `y` with the sample variance."""
    return Estimate(sample.n, sample.y / sample.n, _variance(sample.n, sample.y, sample.yy))


def ratio_of(sample: Sample) -> Estimate:
    """`y` over `d` of all people, where people and not orders are the units: the delta method (Deng, Knoblich, Lu,
    "Applying the Delta Method in Metric Analytics", KDD 2018, equation 4)."""
    n = sample.n
    mean_y, mean_d = sample.y / n, sample.d / n
    if mean_d == 0:
        return Estimate(n, 0.0, 0.0)
    ratio = mean_y / mean_d
    var_y, var_d = _variance(n, sample.y, sample.yy), _variance(n, sample.d, sample.dd)
    together = _covariance(n, sample.y, sample.d, sample.yd)
    return Estimate(n, ratio, max(0.0, (var_y - 2 * ratio * together + ratio * ratio * var_d) / mean_d**2))


def adjusted(samples: Sequence[Sample]) -> list[Estimate]:
    """Means of `y` with what `x` foretold taken out (CUPED: Deng et al., "Improving the Sensitivity of Online
    Controlled Experiments by Utilizing Pre-Experiment Data", WSDM 2013). One theta over all variants.
    """
    n = sum(one.n for one in samples)
    x, y = sum(one.x for one in samples), sum(one.y for one in samples)
    var_x = _variance(n, x, sum(one.xx for one in samples))
    theta = _covariance(n, x, y, sum(one.xy for one in samples)) / var_x if var_x > 0 else 0.0
    found = []
    for one in samples:
        mean = one.y / one.n - theta * (one.x / one.n - x / n)
        spread = (
            _variance(one.n, one.y, one.yy)
            - 2 * theta * _covariance(one.n, one.x, one.y, one.xy)
            + theta * theta * _variance(one.n, one.x, one.xx)
        )
        found.append(Estimate(one.n, mean, max(0.0, spread)))
    return found


def compare(control: Estimate, other: Estimate, *, alpha: float) -> Interval | None:
    """Welch's test of the difference, and the interval of the lift by the delta method, for one look at a time that was
    fixed before. None when the control's mean is zero or nothing varies.

    The test is on the absolute difference with Satterthwaite's degrees of freedom; the interval on the relative one, as
    GrowthBook's documentation of its statistics has it. Chance to win is the difference's posterior under a flat prior.
    """
    return _compared(
        control, other, alpha, lambda error, freedom: error * float(special.stdtrit(freedom, 1 - alpha / 2))
    )


def compare_always(control: Estimate, other: Estimate, *, alpha: float, expected: int) -> Interval | None:
    """The same for looking as often as one likes: an asymptotic confidence sequence (Waudby-Smith et al.,
    "Time-uniform central limit theory and asymptotic confidence sequences", 2021), narrowest at `expected` people.

    Its p is the smallest alpha at which the sequence leaves out zero.
    """
    n = control.n + other.n

    def width(error: float, _: float) -> float:
        return error * sequence_factor(n, alpha=alpha, expected=expected)

    found = _compared(control, other, alpha, width)
    if found is None:
        return None
    error = sqrt(control.variance / control.n + other.variance / other.n)
    seen = abs(other.mean - control.mean) / error
    return Interval(
        found.lift, found.low, found.high, _sequence_p(seen, n, alpha=alpha, expected=expected), found.chance_to_win
    )


def sequence_factor(n: int, *, alpha: float, expected: int) -> float:
    """Standard errors on each side of an asymptotic confidence sequence after `n` people."""
    rho2 = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / expected
    part = n * rho2 + 1
    return sqrt(n) * sqrt(2 * part / (n * n * rho2) * log(sqrt(part) / alpha))


def mismatch(counts: Sequence[int], weights: Sequence[float]) -> float:
    """p of a sample ratio mismatch: chi-square of how many came against the weights (Fabijan et al., KDD 2019)."""
    total, all_weights = sum(counts), sum(weights)
    if total == 0 or len(counts) < 2:
        return 1.0
    wanted = [total * one / all_weights for one in weights]
    statistic = sum((came - due) ** 2 / due for came, due in zip(counts, wanted, strict=True))
    return float(special.chdtrc(len(counts) - 1, statistic))


def holm(p: Sequence[float]) -> list[float]:
    """p adjusted for several tests, so that any false alarm is as rare as alpha (Holm 1979)."""
    order = sorted(range(len(p)), key=p.__getitem__)
    found, least = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, p[place] * (len(p) - rank)))
        found[place] = least
    return found


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """p adjusted so that of the alarms at most a share of alpha is false (Benjamini, Hochberg 1995)."""
    order = sorted(range(len(p)), key=p.__getitem__, reverse=True)
    found, most = [0.0] * len(p), 1.0
    for back, place in enumerate(order):
        most = min(most, p[place] * len(p) / (len(p) - back))
        found[place] = most
    return found


def people_for_shares(base: float, lift: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """People a variant to tell two shares apart, the second `lift` above the first in relation: unpooled variances
    (Fleiss, Levin, Paik, "Statistical Methods for Rates and Proportions", 3rd ed., 4.2, without the correction)."""
    other = base * (1 + lift)
    if not 0 < base < 1 or not 0 < other < 1 or lift == 0:
        raise ValueError("shares must lie between 0 and 1, and differ")
    spread = base * (1 - base) + other * (1 - other)
    return _up(_quantiles(alpha, power) ** 2 * spread / (base - other) ** 2)


def people_for_means(effect: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """People a variant to see a difference of `effect` standard deviations by the two-sided t-test: the normal answer
    raised until the power by the noncentral t is reached (Cohen 1988, section 2.4)."""
    if effect == 0:
        raise ValueError("the effect must not be zero")
    n = max(2, _up(2 * (_quantiles(alpha, power) / effect) ** 2) - 3)
    while _power(n, effect, alpha) < power:
        n += 1
    return n


def _power(n: int, effect: float, alpha: float) -> float:
    freedom, shift = 2.0 * n - 2, abs(effect) * sqrt(n / 2)
    edge = float(special.stdtrit(freedom, 1 - alpha / 2))
    return float(1 - special.nctdtr(freedom, shift, edge) + special.nctdtr(freedom, shift, -edge))


def _compared(
    control: Estimate, other: Estimate, alpha: float, width: Callable[[float, float], float]
) -> Interval | None:
    if control.mean == 0 or min(control.n, other.n) < 2:
        return None
    of_control, of_other = control.variance / control.n, other.variance / other.n
    if of_control + of_other == 0:
        return None
    freedom = (of_control + of_other) ** 2 / (of_control**2 / (control.n - 1) + of_other**2 / (other.n - 1))
    seen = (other.mean - control.mean) / sqrt(of_control + of_other)
    p = float(2 * special.stdtr(freedom, -abs(seen)))
    lift = (other.mean - control.mean) / abs(control.mean)
    error = sqrt(of_control * other.mean**2 / control.mean**4 + of_other / control.mean**2)
    half = width(error, freedom)
    return Interval(lift, lift - half, lift + half, p, _normal(seen))


def _sequence_p(seen: float, n: int, *, alpha: float, expected: int) -> float:
    """From seen = factor(a) solved for a, with rho as it is tuned for `alpha`."""
    rho2 = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / expected
    part = n * rho2 + 1
    return min(1.0, sqrt(part) * exp(-seen * seen * n * rho2 / (2 * part)))


def _quantiles(alpha: float, power: float) -> float:
    return float(special.ndtri(1 - alpha / 2) + special.ndtri(power))


def _normal(z: float) -> float:
    return 0.5 * (1 + erf(z / sqrt(2)))


def _variance(n: int, total: float, squares: float) -> float:
    return max(0.0, (squares - total * total / n) / (n - 1)) if n > 1 else 0.0


def _covariance(n: int, a: float, b: float, ab: float) -> float:
    return (ab - a * b / n) / (n - 1) if n > 1 else 0.0


def _up(value: float) -> int:
    return -int(-value // 1)
