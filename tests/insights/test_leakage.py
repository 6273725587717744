"""Nothing of later is in a training set or a score of before, whatever comes afterwards and in whatever order."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.pipeline.follow import follow_moves
from common import clock
from connectors import services as connectors
from identity import selectors as identity
from identity import services as identity_services
from insights import selectors
from insights.contracts import OrderSetting, PredictionSpec
from insights.features.catalogue import BUILT_IN
from insights.models import Prediction, PredictionModel, Run
from insights.predictions.encoding import MISSING, OTHER, Encoder
from insights.predictions.fitted import Calibrator, FittedPrediction, Linear
from insights.predictions.sets import read_set, windows
from insights.settings import setting
from tests.insights import crowd
from tests.insights.sending import Sender
from tests.insights.world import SPRING, Shop

SPEC = PredictionSpec.from_json({"event": "Order Completed", "days": 30})
NAMES = [*BUILT_IN]
_PEOPLE = range(1, 5)
# Who, what, how many days from SPRING, how many days until it came, and what it says.
_happening = st.tuples(
    st.sampled_from(_PEOPLE),
    st.sampled_from(["Order Completed", "Order Refunded", "Order Cancelled", "Viewed"]),
    st.integers(-200, 40),
    st.integers(0, 60),
    st.sampled_from(["a", "b", "c", ""]),
    st.integers(-5, 50),
)
_Happening = tuple[int, str, int, int, str, int]
_Rows = dict[tuple[int, int], tuple[float, tuple[str, ...]]]


@pytest.mark.django_db
@settings(max_examples=10)
@given(st.lists(_happening, min_size=1, max_size=30), st.sets(st.sampled_from([2, 3, 4])))
def test_a_training_set_of_the_past_is_what_was_known_then_whatever_came_later(
    happened: list[_Happening], joined: set[int]
) -> None:
    with transaction.atomic():
        shop = _shop(happened)
        cutoff = windows(SPEC, as_of=SPRING, orders=OrderSetting())[0].starts
        then = (cutoff - SPRING).days
        # As it was recorded at the cut-off, with what had come by then alone.
        _tell(shop, [one for one in happened if one[2] + one[3] < then])
        recorded = _features(cutoff)
        # Then, what had come by SPRING: labels, and late events of before the cut-off.
        _tell(shop, [one for one in happened if then <= one[2] + one[3] < 0])
        rows = _rows(SPRING)
        newest = {person: values for (person, start), (_, values) in rows.items() if start == clock.micros(cutoff)}
        assert newest == {person: recorded[person] for person in newest}
        # Then all that came later: no row moves, nor does any label.
        _tell(shop, [one for one in happened if one[2] + one[3] >= 0])
        assert _rows(SPRING) == rows
        # People who are merged later are one; nobody else's row moves, and parting brings all back.
        homes = shop.owner.copy()
        shop.moves(joined, 1, now=SPRING)
        one_person = joined | {1}
        merged = _rows(SPRING)
        assert {key: row for key, row in merged.items() if key[0] not in one_person} == {
            key: row for key, row in rows.items() if key[0] not in one_person
        }
        assert not {person for person, _ in merged} & joined
        for one in joined:
            shop.moves([one], homes[one], now=SPRING)
        assert _rows(SPRING) == rows
        transaction.set_rollback(True)


@pytest.mark.django_db
@settings(max_examples=8)
@given(st.lists(_happening, min_size=1, max_size=30), st.sets(st.sampled_from([2, 3, 4])))
def test_a_row_of_a_training_set_has_the_score_that_the_door_gave_at_that_instant(
    happened: list[_Happening], joined: set[int]
) -> None:
    with transaction.atomic():
        shop = _shop(happened)
        _tell(shop, happened)
        shop.moves(joined, 1, now=SPRING)
        model = _in_use()
        made = read_set(SPEC, NAMES, as_of=SPRING, orders=OrderSetting())
        trained_on = model.score(model.rows(made.columns, len(made)))
        for start in np.unique(made.starts):
            rows = made.starts == start
            at = clock.from_micros(int(start))
            asked = selectors.score_profiles("parity", made.people[rows].tolist(), now=at) or []
            assert [one.profile_id for one in asked] == made.people[rows].tolist()
            assert [one.score for one in asked] == pytest.approx(trained_on[rows].tolist(), abs=1e-6)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_what_comes_later_moves_no_training_set_of_the_past(people: Sender) -> None:
    people.send({"type": "identify", "anonymousId": "b", "traits": {"email": "b@example.org"}, "timestamp": _ago(120)})
    people.send(*[
        {"type": "track", "event": "Order Completed", "anonymousId": "b", "timestamp": _ago(days),
         "properties": {"revenue": 30, "order_id": f"b{days}"}}
        for days in (100, 70, 20)
    ])  # fmt: skip
    spec, then = PredictionSpec.from_json(crowd.SPEC), clock.now()
    names = ["recency_days", "frequency", "plan", "events_30d"]

    def rows(orders: OrderSetting) -> dict[tuple[int, int], tuple[Any, ...]]:
        made = read_set(spec, names, as_of=then, orders=orders)
        return {
            (int(person), int(start)): (int(end), float(truth), *(repr(made.columns[name][place]) for name in names))
            for place, (person, start, end, truth) in enumerate(
                zip(made.people, made.starts, made.ends, made.truth, strict=True)
            )
        }

    before = rows(setting().orders)
    # Late events of another source, back into every window; traits that are told anew.
    late = Sender.__new__(Sender)
    late.__dict__.update(people.__dict__)
    late.source = connectors.create_source(name="Till", kind="web", by="ann").id
    told = [
        late.order(f"u{n}", (then - timedelta(days=3 + n)).isoformat(), 999, order_id=f"late {n}") for n in range(60)
    ]
    named = [{**late.identify(f"u{n}", plan="gold"), "timestamp": _ago(50)} for n in range(9)]
    late.send(*told, *named)
    assert rows(setting().orders) == before
    # Merged later, two people are one who did all of it, everybody else's rows stay; parted, all is as it was.
    one, other = people.profile("u5"), people.profile("b@example.org")
    merged = identity_services.merge(one, other, by="ann", reason="", now=clock.now(), after=follow_moves)
    after = rows(setting().orders)
    gone = {one, other} - {identity.current_ids([one])[one]}
    assert {key[0] for key in before} - {key[0] for key in after} == gone
    assert {key: row for key, row in after.items() if key[0] not in (one, other)} == {
        key: row for key, row in before.items() if key[0] not in (one, other)
    }
    identity_services.undo_decision(merged.decision_id or 0, by="ann", now=clock.now(), after=follow_moves)
    assert rows(setting().orders) == before


@pytest.mark.django_db(transaction=True)
def test_no_label_to_learn_from_reaches_into_the_hold_out(people: Sender) -> None:
    spec = PredictionSpec.from_json(crowd.SPEC)
    made = read_set(spec, ["frequency"], as_of=clock.now(), orders=setting().orders)
    newest = made.starts == made.starts.max()
    assert (made.ends[~newest] <= made.starts.max()).all()
    assert made.ends.max() <= clock.micros(clock.now())
    assert len(np.unique(made.starts)) == 3


def _shop(happened: list[_Happening]) -> Shop:
    shop = Shop()
    for person in _PEOPLE:
        shop.person(person)
    # History is long enough for several cut-offs, whatever else happened.
    shop.tells(1, "Viewed", SPRING - timedelta(days=220))
    return shop


def _tell(shop: Shop, happened: list[_Happening]) -> None:
    for person, name, day, delay, order, revenue in happened:
        when = SPRING + timedelta(days=day)
        named = {"order_id": order} if order else {}
        shop.tells(
            person, name, when, received=when + timedelta(days=delay), revenue=revenue, category=order,
            product_id=order, **named,
        )  # fmt: skip


def _features(as_of: datetime) -> dict[int, tuple[str, ...]]:
    table = selectors.features_of(NAMES, as_of=as_of)
    return {
        person: tuple(repr(table.columns[name][place]) for name in NAMES)
        for place, person in enumerate(table.profile_ids.tolist())
    }


def _rows(as_of: datetime) -> _Rows:
    made = read_set(SPEC, NAMES, as_of=as_of, orders=OrderSetting())
    return {
        (int(person), int(made.starts[place])): (
            float(made.truth[place]), tuple(repr(made.columns[name][place]) for name in NAMES)
        )
        for place, person in enumerate(made.people)
    }  # fmt: skip


def _in_use() -> FittedPrediction:
    """A version that reads every feature and is in use."""
    texts = {name for name in NAMES if BUILT_IN[name].type == "text"}
    encoder = Encoder(tuple(NAMES), tuple(("desktop", OTHER, MISSING) if name in texts else None for name in NAMES))
    weights = np.random.default_rng(4).normal(0, 0.3, encoder.width)
    width = encoder.width
    scorer = Linear((True,) * width, (0.5,) * width, (0.2,) * width, (1.5,) * width, tuple(weights.tolist()), -0.3)
    model = FittedPrediction("logistic", encoder, scorer, Calibrator(1.1, 0.2))
    body, sha256 = model.to_bytes()
    told = Prediction.objects.create(slug="parity", name="Parity", spec=SPEC.to_json(), made_by="ann", made_at=SPRING)
    run = Run.objects.create(kind="training", prediction=told, as_of=SPRING, requested_by="ann", requested_at=SPRING)
    PredictionModel.objects.create(
        prediction=told, run=run, version=1, status="champion", body=body, sha256=sha256, made_at=SPRING
    )
    return model


def _ago(days: float) -> str:
    return (clock.now() - timedelta(days=days)).isoformat()
