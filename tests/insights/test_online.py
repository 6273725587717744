"""Online learning: a batch is scored before it is learned from, bad ones are refused, and the better model serves."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from common import clock
from insights import selectors, services
from insights.models import OnlineModel, PredictionModel, Run
from insights.predictions import computing, following, metrics, online
from insights.predictions.encoding import MISSING, OTHER, Column, Encoder, Floats, learn
from insights.predictions.fitted import FittedPrediction
from insights.predictions.online import Online
from insights.predictions.services import due
from quality import selectors as quality
from tests.connectors.killing import kill_worker, wait_until
from tests.insights import crowd
from tests.insights.sending import Sender
from tests.insights.test_pages import holder
from tests.web.conftest import one_of_each_role, signed_in, text_of

ENCODER = Encoder(("a", "b"), (None, None))


def batch(rng: np.random.Generator, size: int, weights: tuple[float, float]) -> tuple[Floats, Floats]:
    rows = rng.normal(size=(size, 2)) * (1, 10)
    odds = rows @ (np.array(weights) / (1, 10))
    return rows, (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(np.float64)


def begun(rng: np.random.Generator) -> Online:
    return online.begin(ENCODER, *batch(rng, 2000, (1.5, -1.0)))


def test_it_follows_people_who_change_and_serves_once_it_did_better_on_a_thousand() -> None:
    rng = np.random.default_rng(1)
    state = begun(rng)
    frozen = state.model
    for count in range(30):
        rows, truth = batch(rng, 500, (-1.5, 1.0))
        state = online.step(state, rows, truth, frozen.score(rows), may_serve=True)
        if count == 0:
            assert not state.serving, "500 rows say too little"
    rows, truth = batch(rng, 2000, (-1.5, 1.0))
    assert metrics.roc_auc(truth, frozen.score(rows)) < 0.5 < 0.75 < metrics.roc_auc(truth, state.model.score(rows))
    assert metrics.ece(truth, state.model.score(rows)) <= 0.05
    assert state.serving
    assert (state.rows, state.judged.rows) == (15_000, 1_000)
    assert not online.step(state, rows, truth, frozen.score(rows), may_serve=False).serving


def test_it_falls_back_when_the_trained_version_did_better_on_the_last_thousand() -> None:
    rng = np.random.default_rng(2)
    state = begun(rng)
    rows, truth = batch(rng, 1000, (1.5, -1.0))
    state = online.step(state, rows, truth, np.full(1000, 0.5), may_serve=True)
    assert state.serving
    rows, truth = batch(rng, 1000, (1.5, -1.0))
    state = online.step(state, rows, truth, np.clip(truth, 0.05, 0.95), may_serve=True)
    assert not state.serving


def test_falling_back_is_an_alarm_until_it_scores_again() -> None:
    rng = np.random.default_rng(6)
    state = begun(rng)
    rows, truth = batch(rng, 1000, (1.5, -1.0))
    state = online.step(state, rows, truth, np.full(1000, 0.5), may_serve=True)
    assert online.alarms(state) == []
    fallen = online.step(state, rows, truth, np.clip(truth, 0.05, 0.95), may_serve=True)
    assert "fell back" in online.alarms(fallen)[0]
    assert Online.from_json(fallen.model, fallen.to_json()) == fallen
    still = online.step(fallen, rows, truth, np.clip(truth, 0.05, 0.95), may_serve=True)
    assert "fell back" in online.alarms(still)[0]
    assert online.alarms(online.step(still, rows, truth, np.full(1000, 0.5), may_serve=True)) == []
    # A shadow by policy has nothing to fall back from.
    assert online.alarms(online.step(fallen, rows, truth, np.clip(truth, 0.05, 0.95), may_serve=False)) == []


def test_a_loss_that_drifts_is_an_alarm_and_one_that_stays_is_none() -> None:
    rng = np.random.default_rng(7)
    state, rows, truth = begun(rng), *batch(rng, 500, (1.5, -1.0))
    for _ in range(12):
        rows, truth = batch(rng, 500, (1.5, -1.0))
        state = online.step(state, rows, truth, np.full(500, 0.5), may_serve=True)
        assert online.alarms(state) == []
    assert (state.past.rows, state.judged.rows) == (5_000, 1_000)
    for _ in range(2):
        rows, truth = batch(rng, 500, (-1.5, 1.0))
        state = online.step(state, rows, truth, np.full(500, 0.99), may_serve=True)
    assert any("drifted" in told for told in online.alarms(state))


def mixed(rng: np.random.Generator, size: int, *, since: bool) -> tuple[dict[str, Column], Floats]:
    """Half of the people come from an advertisement and buy less. Once `since`, some of the others come from a partner
    and buy more; and there are calls, which help."""
    place = rng.choice(["ad", "search", "partner"], size, p=[0.5, 0.3, 0.2] if since else [0.5, 0.5, 0.0])
    calls = rng.binomial(3, 0.3, size).astype(np.float64) if since else np.zeros(size)
    odds = np.where(place == "ad", -1.0, 0.0) + np.where(place == "partner", 2.5, 0.0) + 1.5 * calls - 0.5
    return {"place": place.tolist(), "calls": calls}, (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(np.float64)


def test_what_nobody_had_when_it_began_gets_a_column_moves_no_score_and_is_then_learned_of() -> None:
    rng, people = np.random.default_rng(8), np.arange(500)
    columns, truth = mixed(rng, 2_000, since=False)
    encoder = learn(columns, np.arange(2_000))
    assert encoder.names == [("place", one) for one in ("ad", "search", OTHER, MISSING)], "nobody was called"
    state = first = online.begin(encoder, encoder(columns, 2_000), truth)
    for _ in range(60):
        columns, truth = mixed(rng, 500, since=True)
        rows = state.model.rows(columns, 500)
        state = online.step(state, rows, truth, np.full(500, 0.5), may_serve=True)
        grown = online.grow(state, columns, people)
        assert grown.model.score(grown.model.rows(columns, 500)) == pytest.approx(state.model.score(rows), abs=1e-9)
        state = grown
    assert ("place", "partner") in state.model.encoder.names
    assert ("calls", None) in state.model.encoder.names
    columns, truth = mixed(rng, 4_000, since=True)
    kept = FittedPrediction.from_bytes(*state.model.to_bytes())
    learned = metrics.roc_auc(truth, kept.score(kept.rows(columns, 4_000)))
    blind = metrics.roc_auc(truth, first.model.score(first.model.rows(columns, 4_000)))
    assert learned > blind + 0.1


def test_what_few_people_have_gets_no_column() -> None:
    rng = np.random.default_rng(9)
    columns, truth = mixed(rng, 500, since=False)
    encoder = learn(columns, np.arange(500))
    state = online.begin(encoder, encoder(columns, 500), truth)
    rare: dict[str, Column] = {
        "place": ["partner"] * 19 + list(columns["place"])[19:],
        "calls": np.array([1.0] * 19 + [0.0] * 481),
    }
    assert online.grow(state, rare, np.arange(500)) is state
    # Twenty rows of nineteen people are nineteen people.
    often = {"place": ["partner"] * 20 + list(columns["place"])[20:], "calls": np.array([1.0] * 20 + [0.0] * 480)}
    assert online.grow(state, often, np.maximum(np.arange(500), 1)) is state
    assert online.grow(state, often, np.arange(500)).model.encoder.width == encoder.width + 2


@pytest.mark.parametrize(("factor", "said"), [(100.0, "b"), (float("inf"), "no numbers")])
def test_a_batch_of_other_units_changes_nothing_but_the_count_of_refusals(factor: float, said: str) -> None:
    rng = np.random.default_rng(3)
    state = begun(rng)
    rows, truth = batch(rng, 500, (1.5, -1.0))
    good = online.step(state, rows, truth, np.full(500, 0.5), may_serve=True)
    bad = online.step(good, rows * (1, factor), truth, np.full(500, 0.5), may_serve=True)
    assert said in bad.why
    assert (bad.rejected, bad.model, bad.recent, bad.rows, bad.steps) == (
        1, good.model, good.recent, good.rows, good.steps
    )  # fmt: skip
    assert "too few" in online.step(good, rows[:5], truth[:5], truth[:5], may_serve=True).why


def test_a_stored_state_goes_on_as_if_it_had_never_been_put_down() -> None:
    rng = np.random.default_rng(4)
    state = begun(rng)
    rows, truth = batch(rng, 500, (1.0, 1.0))
    state = online.step(state, rows, truth, truth * 0.8 + 0.1, may_serve=True)
    body, sha256 = state.model.to_bytes()
    again = Online.from_json(type(state.model).from_bytes(body, sha256), state.to_json())
    assert again == state
    assert online.step(again, rows, truth, truth, may_serve=True) == online.step(
        state, rows, truth, truth, may_serve=True
    )


def _ask(kind: str, days_ago: float = 0) -> Run:
    at = clock.now() - timedelta(days=days_ago) if days_ago else None
    made = services.request_run(kind=kind, slug="buy", by="ann", now=clock.now(), as_of=at)
    services.run_waiting(now=clock.now(), after=follow_moves)
    return Run.objects.get(pk=made.id)


@pytest.mark.django_db(transaction=True)
def test_each_day_is_learned_of_once_shown_served_and_left_when_it_is_damaged(people: Sender) -> None:
    services.keep_prediction(
        slug="buy", name="Will buy", spec={**crowd.SPEC, "online": True, "kinds": ["boosting"]}, by="ann",
        now=clock.now(),
    )  # fmt: skip
    assert "No version is in use" in _ask("online").error
    assert _ask("training", 6).state == "done"
    assert ("online", "buy") not in due(now=clock.now())
    assert ("online", "buy") in due(now=clock.now() + timedelta(hours=2))
    first = _ask("online", 5)
    assert (first.state, first.error) == ("done", "")
    row = OnlineModel.objects.get()
    assert row.state["rows"] == crowd.PEOPLE
    # The same again learns of nothing; four days later, of four days.
    _ask("online", 5)
    assert bytes(OnlineModel.objects.get().body) == bytes(row.body)
    _ask("online", 1)
    view = selectors.prediction("buy")
    assert view is not None
    assert view.online is not None
    assert view.online.rows == 5 * crowd.PEOPLE
    assert view.online.loss is not None
    assert (view.online.judged >= 1_000, view.online.rejected) == (True, 0)
    assert view.online.serving == (view.online.loss < (view.online.batch_loss or 0))
    _served(people)
    _shown()
    # What is damaged serves nobody, and the next run begins anew.
    OnlineModel.objects.update(body=bytes(row.body)[:-9], sha256="0" * 64)
    version = PredictionModel.objects.get()
    assert following.serving(version) is None
    assert _ask("online", 1).state == "done"
    assert OnlineModel.objects.get().state["rows"] == crowd.PEOPLE


def _served(people: Sender) -> None:
    """While it serves, batch and single scores are its own and equal."""
    row = OnlineModel.objects.get()
    OnlineModel.objects.update(state={**row.state, "serving": True})
    scoring = _ask("scoring")
    version = PredictionModel.objects.get()
    model = following.serving(version)
    assert model is not None
    assert scoring.figures["online"] is True
    _drift_is_of_people(scoring)
    ids = [people.profile(f"u{n}") for n in range(9)]
    table, scores, _ = computing.scores_of(version, ids, as_of=scoring.as_of)
    assert scores == pytest.approx(model.score(model.rows(table.columns, len(table))))
    asked = selectors.score_profiles("buy", ids, now=scoring.as_of) or []
    assert [one.score for one in asked] == pytest.approx(scores.tolist(), abs=1e-6)
    OnlineModel.objects.update(state={**row.state, "serving": False})
    _, trained, _ = computing.scores_of(version, ids, as_of=scoring.as_of)
    batch_model = computing.fitted(version)
    assert trained == pytest.approx(batch_model.score(batch_model.rows(table.columns, len(table))))


def _drift_is_of_people(online_scoring: Run) -> None:
    """That another model scores otherwise is no drift: the version's own scores are held against those of its
    training, whoever scores."""
    row = OnlineModel.objects.get()
    OnlineModel.objects.update(state={**row.state, "serving": False})
    services.request_run(kind="scoring", slug="buy", by="ann", now=clock.now(), as_of=online_scoring.as_of)
    services.run_waiting(now=clock.now(), after=follow_moves)
    own = Run.objects.filter(kind="scoring").order_by("-pk")[0]
    assert own.figures["online"] is False
    assert own.figures["quantiles"] != online_scoring.figures["quantiles"]
    assert own.figures["drift"] == online_scoring.figures["drift"]
    OnlineModel.objects.update(state=row.state)


def _shown() -> None:
    one_of_each_role()
    shown = text_of(signed_in("viewer").get(reverse("web:prediction", args=["buy"])))
    assert "Online learning" in shown
    told: dict[str, Any] = holder("segments:read").get("/predictions/buy").json()["online"]
    assert told["rows"] == 5 * crowd.PEOPLE


_KILLED = """
from cdp.pipeline.follow import follow_moves
from insights import services as insights
from insights.predictions import following
whole, calls = getattr(following.PLACE, NAME), []
def slowly(*given, **more):
    calls.append(1)
    if len(calls) == 3:
        open(MARK, "w").write("here")
        time.sleep(600)
    return whole(*given, **more)
setattr(following.PLACE, NAME, slowly)
insights.run_waiting(now=clock.now(), after=follow_moves)
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_while_learning_loses_no_day_and_learns_of_none_twice(
    people: Sender, tmp_path: Any
) -> None:
    services.keep_prediction(
        slug="buy", name="Will buy", spec={**crowd.SPEC, "online": True}, by="ann", now=clock.now()
    )
    assert _ask("training", 6).state == "done"
    assert _ask("online", 5).state == "done"
    before = OnlineModel.objects.values("body", "sha256", "state", "cutoff").get()
    _ask("online", 1)
    whole = OnlineModel.objects.get()
    assert whole.state["rows"] == 5 * crowd.PEOPLE
    # Killed before a day is stored, and after it is.
    for place, name in (("online", "step"), ("jobs", "progress")):
        OnlineModel.objects.update(**before)
        mark = tmp_path / name
        at = Run.objects.filter(kind="online").order_by("-pk")[0].as_of
        services.request_run(kind="online", slug="buy", by="ann", now=clock.now(), as_of=at)
        script = _KILLED.replace("PLACE", place).replace("NAME", repr(name)).replace("MARK", repr(str(mark)))
        kill_worker(script, when=mark.exists)
        assert crowd.PEOPLE < OnlineModel.objects.get().state["rows"] < 5 * crowd.PEOPLE
        wait_until(lambda: services.run_waiting(now=clock.now(), after=follow_moves) == 1)
        row = OnlineModel.objects.get()
        assert (bytes(row.body), row.state, row.cutoff) == (bytes(whole.body), whole.state, whole.cutoff)


@pytest.mark.django_db(transaction=True)
def test_falling_back_is_an_alert_with_a_link_and_closes_when_online_learning_is_switched_off(people: Sender) -> None:
    spec = {**crowd.SPEC, "online": True, "kinds": ["logistic"]}
    services.keep_prediction(slug="buy", name="Will buy", spec=spec, by="ann", now=clock.now())
    _ask("training", 6)
    _ask("online", 5)
    # It scored so far; the next day the trained version does far better.
    row = OnlineModel.objects.get()
    OnlineModel.objects.update(state={**row.state, "serving": True, "recent": [[2_000, 9_000.0, 10.0]]})
    assert _ask("online", 4).error == ""
    (alert,) = [one for one in quality.alerts() if one.kind == "model_online"]
    assert (alert.event, alert.path) == ("prediction buy", "/insights/predictions/buy/")
    assert "fell back" in alert.told
    one_of_each_role()
    assert "fell back" in text_of(signed_in("viewer").get(reverse("web:prediction", args=["buy"])))
    assert "fell back" in holder("segments:read").get("/predictions/buy").json()["online"]["alarms"][0]
    services.keep_prediction(slug="buy", name="Will buy", spec={**spec, "online": False}, by="ann", now=clock.now())
    assert [one.kind for one in quality.alerts()] == []
