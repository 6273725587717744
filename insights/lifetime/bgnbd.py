"""How often customers will order: BG/NBD. Pure; scipy's special functions only.

Fader, Hardie, Lee, "“Counting Your Customers” the Easy Way: An Alternative to the Pareto/NBD Model", Marketing Science
24 (2005). While alive a customer orders as a Poisson process whose rate is gamma distributed (r, alpha) over customers;
after each order they leave with a probability that is beta distributed (a, b). Of each customer three numbers suffice:
x repeat orders, the last at t_x, observed for T, all since the first order.
"""

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

Floats = npt.NDArray[np.float64]

# Without a little weight on small parameters those of few customers run away; it is that of one customer in 10,000.
_PENALTY = 1e-4


@dataclass(frozen=True, slots=True)
class BgNbd:
    """Fitted parameters; the time unit is that of what they were fitted to."""

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Of each customer (equation 6 of the paper, in the form of Fader and Hardie's note on its computation)."""
        return _log_likelihood(np.array(astuple(self)), x, t_x, t)

    def alive(self, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """The probability that a customer is still one (Fader, Hardie, Lee, "Computing P(alive) Using the BG/NBD
        Model", 2008). Whoever ordered once is: one leaves after a repeat order only."""
        log_odds = np.log(self.a / (self.b + np.maximum(x, 1) - 1))
        log_odds = log_odds + (self.r + x) * np.log((self.alpha + t) / (self.alpha + t_x))
        return np.where(x > 0, 1 / (1 + np.exp(np.minimum(log_odds, 700))), 1.0)

    def expected(self, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """How many orders each customer will place within `horizon` from now on (equation 10)."""
        r, alpha, a, b = astuple(self)
        z = horizon / (alpha + t + horizon)
        # For a of 1 the formula is 0/0; beside it it is right.
        a = a + 1e-6 if abs(a - 1) < 1e-6 else a
        grown = (a + b + x - 1) / (a - 1)
        rest = 1 - ((alpha + t) / (alpha + t + horizon)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z)
        return np.maximum(grown * rest, 0) * self.alive(x, t_x, t)

    def expected_of_new(self, horizon: float) -> float:
        """How many repeat orders a new customer will place within `horizon` (equation 9)."""
        r, alpha, a, b = astuple(self)
        a = a + 1e-6 if abs(a - 1) < 1e-6 else a
        z = horizon / (alpha + horizon)
        rest = 1 - (alpha / (alpha + horizon)) ** r * hyp2f1(r, b, a + b - 1, z)
        return float((a + b - 1) / (a - 1) * rest)


def fit(x: Floats, t_x: Floats, t: Floats) -> BgNbd:
    """The parameters of maximum likelihood. Raises ValueError when it does not come to rest."""
    # A customer is looked at on the scale on which the longest is observed for 1, so that steps are alike.
    unit = max(float(t.max(initial=0)), 1e-9)
    begin = np.log(np.array([0.5, 0.2, 0.8, 2.5]))

    def loss(logs: Floats) -> float:
        values = np.exp(logs)
        told = -_log_likelihood(values, x, t_x / unit, t / unit).mean() + _PENALTY * float((logs**2).sum())
        return told if np.isfinite(told) else 1e10

    within = [(-12.0, 12.0)] * 4
    accuracy = {"maxiter": 2_000, "xatol": 1e-4, "fatol": 1e-9}
    rough = minimize(loss, begin, method="Nelder-Mead", bounds=within, options=accuracy)
    best = minimize(loss, rough.x, method="L-BFGS-B", bounds=within)
    found = np.exp(best.x if best.fun <= rough.fun else rough.x)
    if not (rough.success or best.success) or not np.isfinite(found).all():
        raise ValueError("the likelihood has no greatest value that could be found")
    r, alpha, a, b = found.tolist()
    return BgNbd(r, alpha * unit, a, b)


def _log_likelihood(params: Floats, x: Floats, t_x: Floats, t: Floats) -> Floats:
    r, alpha, a, b = params
    first = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    second = betaln(a, b + x) - betaln(a, b)
    third = -(r + x) * np.log(alpha + t)
    again = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    return np.asarray(first + second + np.where(x > 0, np.logaddexp(third, again), third), dtype=np.float64)
