"""What an order is worth: Gamma-Gamma. Pure; scipy's special functions only.

Fader, Hardie, "The Gamma-Gamma Model of Monetary Value", 2013 (brucehardie.com/notes/025). The values of a customer's
orders are gamma distributed (p, nu) around a mean of their own, with nu gamma distributed (q, gamma) over customers. It
asks that value and frequency are not correlated; the page shows how much they are.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln

Floats = npt.NDArray[np.float64]

_PENALTY = 1e-4


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Fitted parameters."""

    p: float
    q: float
    gamma: float

    @property
    def population(self) -> float:
        """The mean value of an order over all customers."""
        return self.p * self.gamma / (self.q - 1)

    def expected(self, orders: Floats, mean: Floats) -> Floats:
        """The value of the next orders of customers with so many orders of this mean (equation 5): between their own
        mean and that of all. Without an order it is that of all."""
        own = self.p * orders / (self.p * orders + self.q - 1)
        return (1 - own) * self.population + own * np.where(orders > 0, mean, 0)


def fit(orders: Floats, mean: Floats) -> GammaGamma:
    """The parameters of maximum likelihood (equation 1a), of customers who ordered something. Raises ValueError when
    it does not come to rest."""
    # Money on a scale on which the usual order is 1, whatever the currency.
    unit = float(np.median(mean))
    scaled = mean / unit
    begin = np.log(np.array([4.0, 2.5, 3.0]))

    def loss(logs: Floats) -> float:
        # q above 1, or there is no mean of all.
        p, above, gamma = np.exp(logs)
        q = 1 + above
        told = (
            -betaln(p * orders, q) + q * np.log(gamma) + (p * orders - 1) * np.log(scaled)
            + p * orders * np.log(orders) - (p * orders + q) * np.log(gamma + orders * scaled)
        )  # fmt: skip
        found = -float(told.mean()) + _PENALTY * float((logs**2).sum())
        return found if np.isfinite(found) else 1e10

    within = [(-12.0, 12.0)] * 3
    accuracy = {"maxiter": 2_000, "xatol": 1e-4, "fatol": 1e-9}
    rough = minimize(loss, begin, method="Nelder-Mead", bounds=within, options=accuracy)
    best = minimize(loss, rough.x, method="L-BFGS-B", bounds=within)
    found = np.exp(best.x if best.fun <= rough.fun else rough.x)
    if not (rough.success or best.success) or not np.isfinite(found).all():
        raise ValueError("the likelihood has no greatest value that could be found")
    p, above, gamma = found.tolist()
    return GammaGamma(p, 1 + above, gamma * unit)
