"""The newest computation, and one customer's value with its reasons."""

from functools import lru_cache

from insights.contracts import NotPossible, OrderSetting
from insights.features.reading import features, features_of
from insights.lifetime.boosting import Boosted
from insights.lifetime.contracts import BGNBD, Checked, Comparison, Decile, LifetimeOf, LifetimeView
from insights.lifetime.models import LifetimeModel
from insights.lifetime.reading import histories
from insights.models import Run
from insights.predictions.words import reasons, sentence

_BY_ORDERS = "By how often they ordered, when first and last, and what an order was worth."


def lifetime() -> LifetimeView | None:
    """The newest computation that ended well; None before the first."""
    row = _newest()
    if row is None:
        return None
    told = dict(row.figures)
    check, comparison = told.pop("check"), told.pop("comparison", None)
    if check:
        check = Checked(**{**check, "deciles": [Decile(**one) for one in check["deciles"]]})
    every = features()
    leans = [(every[name].title if name in every else name, share) for name, share in told.pop("leans", ())]
    return LifetimeView(
        run_id=row.pk, as_of=row.as_of, check=check, leans=leans,
        comparison=Comparison.from_json(comparison) if comparison else None, **told,
    )  # fmt: skip


def lifetime_of(profile_id: int) -> LifetimeOf | None:
    """What one customer is worth as of the newest computation, worked out again by its method; None of whoever was no
    customer then. Raises NotPossible, Tampered."""
    row = _newest()
    if row is None:
        return None
    orders, told = OrderSetting.from_json(row.orders), row.figures
    if told.get("method", BGNBD) == BGNBD:
        return _by_orders(row, profile_id, orders)
    stored = LifetimeModel.objects.get(run=row)
    model, every = _loaded(stored.pk, stored.sha256), features()
    missing = [name for name in model.features if name not in every]
    if missing:
        raise NotPossible(
            f"{missing[0]}: there is no such feature any more, and lifetime values were learned with it. Compute"
            " lifetime values again."
        )
    table = features_of(model.features, as_of=row.as_of, profiles=[profile_id], buyers=True, orders=orders)
    if not len(table):
        return None
    values = {name: table.columns[name][0] for name in model.features}
    why = reasons(model.features, values, model.effects(table.columns, 1)[0], every, model.encoder)
    return LifetimeOf(
        profile_id, row.as_of, told["method"], told["version"], told["horizon_days"], told["currency"],
        round(float(model.expected(table.columns, 1)[0]), 2), sentence(why), why,
    )  # fmt: skip


def _by_orders(row: Run, profile_id: int, orders: OrderSetting) -> LifetimeOf | None:
    # They load scipy.
    from insights.lifetime.bgnbd import BgNbd
    from insights.lifetime.gammagamma import GammaGamma
    from insights.lifetime.valuing import Models

    told = row.figures
    one = histories(orders, row.as_of, profiles=[profile_id])
    if not len(one):
        return None
    models = Models(BgNbd(*told["order_parameters"]), GammaGamma(*told["value_parameters"]))
    factor = told["check"]["value_factor"] if told["check"] else 1.0
    value = models.expected_orders(one, told["horizon_days"]) * models.order_value(one) * factor
    return LifetimeOf(
        profile_id, row.as_of, BGNBD, None, told["horizon_days"], told["currency"], round(float(value[0]), 2),
        _BY_ORDERS, (),
    )  # fmt: skip


def _newest() -> Run | None:
    return Run.objects.filter(kind=Run.Kind.LIFETIME, state=Run.State.DONE).order_by("-pk").first()


@lru_cache(maxsize=2)
def _loaded(pk: int, sha256: str) -> Boosted:
    return Boosted.from_bytes(bytes(LifetimeModel.objects.values_list("body", flat=True).get(pk=pk)), sha256)
