"""One run: histories as of an instant, a check on the last closed window, and the traits of each customer."""

from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction

from common import jobs
from insights.contracts import NotPossible, OrderSetting
from insights.features.reading import expect_one_currency
from insights.lifetime import comparing, contest
from insights.lifetime.boosting import Boosted
from insights.lifetime.contest import Contest, Judged
from insights.lifetime.contracts import BGNBD, BOOSTING, LIFETIME_METHODS, USUAL_CHOICE, Checked
from insights.lifetime.models import LifetimeModel
from insights.lifetime.reading import expected_of, histories
from insights.lifetime.settings import lifetime_horizon, lifetime_method
from insights.models import Run
from insights.predictions.encoding import Floats
from insights.writing import After, write_traits

TRAITS = ("clv_alive", "clv_orders", "clv_predicted", "clv_total", "clv_model")
NEXT = "clv_next_order"
# Of somebody who is hardly a customer any more the date of the next order says nothing, and so does one years ahead.
_STILL, _FARTHEST = 0.5, 730
# Of a model that no run is shown with any more there is nothing to ask.
_KEPT = 3
_LEANS = 8


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The method in use and why. `found` is None while boosting has too little to learn from."""

    method: str
    why: str
    found: Contest | None


def value_customers(row: Run, *, now: datetime, after: After) -> None:
    """Do one run. Killed half way, it is done again as of the same instant with the same outcome."""
    from insights.lifetime import valuing  # loads scipy

    orders, horizon, choice = OrderSetting.from_json(row.orders), lifetime_horizon(), lifetime_method()

    def step() -> None:
        jobs.go_on(row.job_id or 0)

    currency = expect_one_currency(orders=orders, as_of=row.as_of)
    told = histories(orders, row.as_of)
    jobs.progress(row.job_id or 0, 0, stage="fitting")
    models = valuing.fit(told)
    last = contest.judged(orders, row.as_of, horizon)
    checked = _checked(last, horizon)
    jobs.progress(row.job_id or 0, 0, stage="comparing with gradient boosting")
    chosen = _chosen(last if checked else None, choice, orders=orders, horizon=horizon, step=step)
    order_factor, value_factor = (checked.order_factor, checked.value_factor) if checked else (1.0, 1.0)
    alive, expected = models.alive(told), models.expected_orders(told, horizon)
    value = expected * models.order_value(told) * value_factor
    expected = expected * order_factor
    version, leans = None, []
    if chosen.method == BOOSTING and chosen.found and last and checked:
        jobs.progress(row.job_id or 0, 0, stage="fitting")
        model, rows = contest.learn_anew(chosen.found, last, orders=orders, as_of=row.as_of, step=step)
        value = expected_of(model, told, as_of=row.as_of, orders=orders, otherwise=value, step=step)
        leans = contest.leans(model, told, orders=orders, as_of=row.as_of)[:_LEANS]
        version = _stored(row, model, {**asdict(chosen.found.recipe), "rows": rows}, now=now)
        checked = valuing.held(
            last.told, valuing.fit(last.told).expected_orders(last.told, horizon), chosen.found.expected, last.orders,
            last.value, horizon=horizon, order_factor=order_factor, value_factor=1.0,
        )  # fmt: skip
    called = f"gradient boosting version {version}" if version else LIFETIME_METHODS[BGNBD]
    _write(
        row, told.profile_ids, (alive, expected, value, value + told.value), f"{called}, {row.as_of:%Y-%m-%d}", now=now,
        after=after,
    )  # fmt: skip
    _write_next(row, told, models.next_order(told), alive, orders.zone, now=now, after=after)
    row.figures = {
        "people": len(told), "again": int((told.orders > 1).sum()), "currency": currency, "horizon_days": horizon,
        "alive": float(alive.sum()), "expected_orders": float(expected.sum()), "expected_value": float(value.sum()),
        "correlation": valuing.correlation(told), "order_parameters": list(astuple(models.often)),
        "value_parameters": list(astuple(models.much)), "check": asdict(checked) if checked else None,
        "method": chosen.method, "version": version, "chosen": choice, "why": chosen.why, "leans": leans,
        "comparison": asdict(chosen.found.comparison) if chosen.found else None,
    }  # fmt: skip


def _checked(last: Judged | None, horizon: int) -> Checked | None:
    """BG/NBD on the last closed window; None when there were too few customers before it."""
    from insights.lifetime import valuing

    try:
        return valuing.check(last.told, last.orders, last.value, horizon=horizon) if last else None
    except NotPossible:
        return None


def _chosen(
    last: Judged | None, choice: str, *, orders: OrderSetting, horizon: int, step: Callable[[], None]
) -> _Chosen:
    """The method to use: that which somebody chose, or the better one; BG/NBD while boosting has too little."""
    try:
        if last is None:
            raise NotPossible(f"There were too few customers {horizon} days ago to judge by the days since.")
        found = contest.hold(last, orders=orders, horizon=horizon, step=step)
    except NotPossible as wrong:
        asked = " It was chosen by hand, and is used as soon as there is enough." if choice == BOOSTING else ""
        return _Chosen(BGNBD, f"{wrong}{asked} So {LIFETIME_METHODS[BGNBD]} is used.", None)
    method, why = comparing.better(found.comparison)
    if choice in (method, USUAL_CHOICE):
        return _Chosen(method, f"{why}{'' if choice == USUAL_CHOICE else ' Somebody also chose it by hand.'}", found)
    would, _, _ = why.rpartition(", so ")
    return _Chosen(
        choice, f"{would}. All the same {LIFETIME_METHODS[choice]} is used: somebody chose it by hand.", found
    )


def _write(
    row: Run, profile_ids: Any, numbers: tuple[Floats, ...], model: str, *, now: datetime, after: After
) -> None:  # fmt: skip
    rounded = [np.round(one, places).tolist() for one, places in zip(numbers, (4, 4, 2, 2), strict=True)]
    columns = dict(zip(TRAITS, (*rounded, [model] * len(profile_ids)), strict=True))
    write_traits(
        profile_ids=profile_ids, columns=columns, run_id=row.pk, now=now, after=after, job_id=row.job_id
    )  # fmt: skip


def _write_next(
    row: Run, told: Any, days: Floats, alive: Floats, zone: str, *, now: datetime, after: After
) -> None:  # fmt: skip
    soon = (alive >= _STILL) & (days <= _FARTHEST)
    today = row.as_of.astimezone(ZoneInfo(zone)).date()
    dates = [(today + timedelta(days=max(1, round(one)))).isoformat() for one in days[soon].tolist()]
    write_traits(
        profile_ids=told.profile_ids[soon], columns={NEXT: dates}, run_id=row.pk, now=now, after=after,
        job_id=row.job_id,
    )  # fmt: skip


@transaction.atomic
def _stored(row: Run, model: Boosted, figures: dict[str, Any], *, now: datetime) -> int:
    """Keep the model; done again for the same run it has the same version."""
    body, sha256 = model.to_bytes()
    newest = LifetimeModel.objects.order_by("-version").first()
    version = LifetimeModel.objects.filter(run=row).values_list("version", flat=True).first()
    kept, _ = LifetimeModel.objects.update_or_create(
        run=row,
        defaults={
            "version": version or (newest.version + 1 if newest else 1), "body": body, "sha256": sha256,
            "figures": figures, "made_at": now,
        },
    )  # fmt: skip
    LifetimeModel.objects.filter(version__lte=kept.version - _KEPT).delete()
    return kept.version
