"""One run: histories as of an instant, a check on the last closed window, and the traits of each customer."""

from dataclasses import asdict, astuple
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg

from common import jobs, pg
from insights.contracts import NotPossible, OrderSetting
from insights.features.compile import compile_came, compile_histories, window_start
from insights.features.reading import expect_one_currency
from insights.lifetime.contracts import Checked, Decile, LifetimeView
from insights.lifetime.settings import lifetime_horizon
from insights.models import Run
from insights.writing import After, write_traits

TRAITS = ("clv_alive", "clv_orders", "clv_predicted", "clv_total")
NEXT = "clv_next_order"
# Of somebody who is hardly a customer any more the date of the next order says nothing, and so does one years ahead.
_STILL, _FARTHEST = 0.5, 730


def value_customers(row: Run, *, now: datetime, after: After) -> None:
    """Do one run. Killed half way, it is done again as of the same instant with the same outcome."""
    from insights.lifetime import valuing  # loads scipy

    orders, horizon = OrderSetting.from_json(row.orders), lifetime_horizon()
    currency = expect_one_currency(orders=orders, as_of=row.as_of)
    told = _histories(orders, row.as_of)
    jobs.progress(row.job_id or 0, 0, stage="fitting")
    models = valuing.fit(told)
    checked = _checked(orders, row.as_of, horizon)
    order_factor, value_factor = (checked.order_factor, checked.value_factor) if checked else (1.0, 1.0)
    alive, expected = models.alive(told), models.expected_orders(told, horizon)
    value = expected * models.order_value(told) * value_factor
    expected = expected * order_factor
    columns = dict(
        zip(
            TRAITS,
            (np.round(one, places).tolist() for one, places in
             ((alive, 4), (expected, 4), (value, 2), (value + told.value, 2))),
            strict=True,
        )
    )  # fmt: skip
    write_traits(
        profile_ids=told.profile_ids, columns=columns, run_id=row.pk, now=now, after=after, job_id=row.job_id
    )  # fmt: skip
    days = models.next_order(told)
    soon = (alive >= _STILL) & (days <= _FARTHEST)
    today = row.as_of.astimezone(ZoneInfo(orders.zone)).date()
    dates = [(today + timedelta(days=max(1, round(one)))).isoformat() for one in days[soon].tolist()]
    write_traits(
        profile_ids=told.profile_ids[soon], columns={NEXT: dates}, run_id=row.pk, now=now, after=after,
        job_id=row.job_id,
    )  # fmt: skip
    row.figures = {
        "people": len(told), "again": int((told.orders > 1).sum()), "currency": currency, "horizon_days": horizon,
        "alive": float(alive.sum()), "expected_orders": float(expected.sum()), "expected_value": float(value.sum()),
        "correlation": valuing.correlation(told), "order_parameters": list(astuple(models.often)),
        "value_parameters": list(astuple(models.much)), "check": asdict(checked) if checked else None,
    }  # fmt: skip


def _checked(orders: OrderSetting, as_of: datetime, horizon: int) -> Checked | None:
    """The last closed window of the horizon's length; None when there were too few customers before it."""
    from insights.lifetime import valuing

    begin = window_start(as_of, horizon, orders.zone)
    told = _histories(orders, begin)
    if not len(told) or told.observed.max() < horizon:
        return None
    statement = compile_came(orders=orders, as_of=as_of, since=begin)
    with psycopg.Cursor(pg.raw()) as cursor:
        rows = cursor.execute(statement.text, statement.params).fetchall()
    came = {profile: (float(days), float(micros) / 1e6) for profile, days, micros in rows}
    found = np.array([came.get(one, (0.0, 0.0)) for one in told.profile_ids.tolist()], dtype=np.float64)
    try:
        return valuing.check(told, found[:, 0], found[:, 1], horizon=horizon)
    except NotPossible:
        return None


def _histories(orders: OrderSetting, as_of: datetime) -> Any:
    from insights.lifetime.valuing import Histories

    statement = compile_histories(orders=orders, as_of=as_of)
    with psycopg.Cursor(pg.raw()) as cursor:
        rows = cursor.execute(statement.text, statement.params).fetchall()
    if not rows:
        return Histories(np.empty(0, dtype=np.int64), *(np.empty(0) for _ in range(4)))
    today: date = as_of.astimezone(ZoneInfo(orders.zone)).date()
    profiles, days, first, last, micros = zip(*rows, strict=True)
    return Histories(
        np.array(profiles, dtype=np.int64), np.array(days, dtype=np.float64),
        np.array([(b - a).days for a, b in zip(first, last, strict=True)], dtype=np.float64),
        np.array([(today - a).days for a in first], dtype=np.float64),
        np.array([float(one) / 1e6 for one in micros], dtype=np.float64),
    )  # fmt: skip


def lifetime() -> LifetimeView | None:
    """The newest computation that ended well; None before the first."""
    row = Run.objects.filter(kind=Run.Kind.LIFETIME, state=Run.State.DONE).order_by("-pk").first()
    if row is None:
        return None
    told = dict(row.figures)
    check = told.pop("check")
    if check:
        check = Checked(**{**check, "deciles": [Decile(**one) for one in check["deciles"]]})
    return LifetimeView(run_id=row.pk, as_of=row.as_of, check=check, **told)
