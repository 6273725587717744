"""Predictions end to end: trained on closed windows, scored into traits, watched, compared, rolled back."""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from common import clock, jobs, pg
from identity import selectors as identity
from insights import runs, selectors, services
from insights.contracts import BadFeature, BadPrediction, NotPossible, PredictionSpec, PredictionView
from insights.models import PredictionModel, Run
from insights.predictions import computing, reading
from insights.predictions.sets import read_set
from insights.settings import setting
from privacy import services as privacy
from quality import selectors as quality
from segments import selectors as segments
from segments import services as segment_services
from tests.connectors.killing import kill_worker, wait_until
from tests.insights import crowd
from tests.insights.sending import Sender
from tests.web.conftest import one_of_each_role, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def keep(**more: Any) -> None:
    services.keep_prediction(slug="buy", name="Will buy", spec={**crowd.SPEC, **more}, by="ann", now=clock.now())


def work() -> int:
    return services.run_waiting(now=clock.now(), after=follow_moves)


def ask(kind: str, as_of: datetime | None = None) -> Run:
    made = services.request_run(kind=kind, slug="buy", by="ann", now=clock.now(), as_of=as_of)
    work()
    return Run.objects.get(pk=made.id)


def found() -> PredictionView:
    view = selectors.prediction("buy")
    assert view is not None
    return view


def traits(profile: int) -> dict[str, Any]:
    view = identity.profile_view(profile)
    assert view is not None
    return dict(view.traits)


def _figures_hold(told: Mapping[str, Any]) -> None:
    assert told["split"] == "time"
    assert told["holdout"]["auc"] > 0.6
    assert told["holdout"]["ece"] < 0.15
    assert told["window"]["ends"] <= clock.micros(clock.now())
    assert set(told["fairness"]["sex"]) >= {"ratio", "rows", "odds"}
    assert "sex" not in told["features"]
    assert "Switched on: the first version." in told["verdict"]


def test_who_will_buy_is_learned_scored_explained_and_used_by_a_segment(people: Sender) -> None:
    keep(kinds=["logistic", "forest", "boosting"])
    trained = ask("training")
    assert (trained.state, trained.error) == ("done", "")
    champion = found().champion
    assert champion is not None
    _figures_hold(champion.figures)
    likely = segment_services.create_segment(
        name="Likely", slug="likely", rule={"trait": "prediction_buy_percentile", "is": "gte", "value": 90}, by="ann",
        now=clock.now(),
    )  # fmt: skip
    # The clock scores as soon as a version is on, and then daily.
    assert services.plan_runs(now=clock.now()) == 1
    assert work() == 1
    assert services.plan_runs(now=clock.now()) == 0
    held = {user: traits(people.profile(user)) for user in (f"u{n}" for n in range(crowd.PEOPLE))}
    scores = {user: one["prediction_buy"] for user, one in held.items()}
    assert all(0 <= one <= 1 for one in scores.values())
    assert segments.members(likely.id) == sorted(
        people.profile(user) for user, one in held.items() if one["prediction_buy_percentile"] >= 90
    )
    assert held["u1"]["prediction_buy_model"].startswith("version 1, ")
    scoring = found().scorings[0]
    assert (scoring.people, set(scoring.drift["features"])) == (crowd.PEOPLE, set(champion.figures["features"]))
    assert sum(one["people"] for one in scoring.deciles) == crowd.PEOPLE
    # What a page or the API says of one person is what the batch wrote, with reasons that add up to it.
    best = max(scores, key=scores.__getitem__)
    one = (selectors.score_profiles("buy", [people.profile(best)], now=Run.objects.get(pk=scoring.run_id).as_of) or [])[
        0
    ]
    assert one.score == pytest.approx(scores[best], abs=1e-6)
    assert one.percentile == pytest.approx(held[best]["prediction_buy_percentile"], abs=2)
    assert one.sentence.startswith("Raised by ")


def test_a_prediction_that_is_deleted_takes_its_traits_along(people: Sender) -> None:
    keep()
    ask("training")
    ask("scoring")
    services.delete_prediction(slug="buy", by="ann", now=clock.now(), after=follow_moves)
    assert "prediction_buy" not in traits(people.profile("u1"))
    assert selectors.prediction("buy") is None


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_batch_and_single_scores_are_the_same_for_missing_and_unknown_values_too(people: Sender, kind: str) -> None:
    keep(kinds=[kind])
    ask("training")
    people.send(people.identify("new"), people.identify("odd", plan="never seen"), people.identify("u3", plan="gold"))
    row = ask("scoring")
    version = PredictionModel.objects.get()
    ids = [people.profile(user) for user in ("new", "odd", *(f"u{n}" for n in range(crowd.PEOPLE)))]
    table, scores, effects = computing.scores_of(version, ids, as_of=row.as_of)
    batch, together = computing.scored(version, PredictionSpec.from_json(crowd.SPEC), as_of=row.as_of,
                                       orders=setting().orders)  # fmt: skip
    assert table.profile_ids.tolist() == batch.profile_ids.tolist()
    assert np.abs(scores - together).max() < 1e-6
    margins = computing.fitted(version).scorer.margin(computing.fitted(version).rows(table.columns, len(table)))
    assert np.abs(effects.sum(axis=1) - margins).max() < 1e-4
    alone = selectors.score_profiles("buy", [people.profile("odd")], now=row.as_of) or []
    assert abs(alone[0].score - traits(people.profile("odd"))["prediction_buy"]) < 1e-6
    told = {one.feature: one.value for one in alone[0].reasons}
    assert told.get("plan", "another value") == "another value"


def test_too_little_data_is_told_in_words_and_nothing_is_scored(people: Sender) -> None:
    services.keep_prediction(
        slug="buy", name="", spec={"event": "Order Cancelled", "days": 30}, by="ann", now=clock.now()
    )
    calls = [
        {"type": "track", "event": "Order Cancelled", "userId": f"u{n}",
         "timestamp": (clock.now() - timedelta(days=5)).isoformat()}
        for n in range(99)
    ]  # fmt: skip
    people.send(*calls)
    spec = PredictionSpec.from_json({"event": "Order Cancelled", "days": 30})
    meter = selectors.meter_of(spec, now=clock.now())
    assert not meter.enough
    assert "99 of 100 people who did it" in meter.words
    assert "99 of 100" in ask("training").error
    assert "No version is in use" in ask("scoring").error
    assert "prediction_buy" not in traits(people.profile("u1"))
    people.send({**calls[0], "userId": "u99"})
    assert selectors.meter_of(spec, now=clock.now()).enough


def test_a_feature_that_knows_the_outcome_is_refused_by_name(people: Sender) -> None:
    services.declare_feature(name="tip", measure="latest", event="Peeked", property="tip", by="ann", now=clock.now())
    keep(features=["frequency", "tip"], groups=[])
    made = read_set(PredictionSpec.from_json(crowd.SPEC), ["frequency"], as_of=clock.now(), orders=setting().orders)
    calls = [
        {"type": "track", "event": "Peeked", "anonymousId": "x", "userId": user,
         "timestamp": clock.from_micros(int(start) - 1_000_000).isoformat(),
         "properties": {"tip": "yes" if truth else "no"}}
        for user in (f"u{n}" for n in range(crowd.PEOPLE)) for person in [people.profile(user)]
        for start, truth in zip(made.starts[made.people == person], made.truth[made.people == person], strict=True)
    ]  # fmt: skip
    people.send(*[{key: value for key, value in one.items() if key != "anonymousId"} for one in calls])
    assert "tip alone tells nearly everything" in ask("training").error


def test_the_meter_of_a_large_base_looks_at_some_and_says_so(people: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = PredictionSpec.from_json(crowd.SPEC)
    everybody = selectors.meter_of(spec, now=clock.now())
    assert "Estimated" not in everybody.words
    pg.raw().execute("analyze identity_profile")
    monkeypatch.setattr(reading, "_LOOKED_AT", 200)
    some = selectors.meter_of(spec, now=clock.now())
    assert "Estimated from" in some.words
    assert some.people == pytest.approx(everybody.people, abs=2)
    assert some.positives == pytest.approx(everybody.positives, rel=0.35)


def test_a_tampered_model_scores_nobody_and_a_roll_back_mends_it(people: Sender) -> None:
    keep()
    ask("training")
    ask("training")
    assert [(one.version, one.status) for one in found().versions][1][0] == 1
    services.activate_version(slug="buy", version=2, by="ann", now=clock.now())
    ask("scoring")
    row = PredictionModel.objects.get(version=2)
    body = bytes(row.body)
    PredictionModel.objects.filter(pk=row.pk).update(body=body[:-9] + bytes([body[-9] ^ 1]) + body[-8:])
    computing._loaded.cache_clear()
    before = traits(people.profile("u1"))["prediction_buy_model"]
    assert "SHA-256" in ask("scoring").error
    assert traits(people.profile("u1"))["prediction_buy_model"] == before
    assert services.roll_back(slug="buy", by="ann", now=clock.now()) == 1
    assert ask("scoring").state == "done"
    assert traits(people.profile("u1"))["prediction_buy_model"].startswith("version 1, ")
    with pytest.raises(BadPrediction, match="no other version"):
        services.roll_back(slug="buy", by="ann", now=clock.now())
    with pytest.raises(services.Tampered):
        services.activate_version(slug="buy", version=2, by="ann", now=clock.now())
    # Training anew is a way out as well.
    PredictionModel.objects.filter(version=1).update(body=body[:-9])
    computing._loaded.cache_clear()
    assert ask("training").state == "done"
    assert "version 1 is damaged" in found().versions[0].figures["verdict"]


def test_a_person_switches_versions_on_when_policy_says_so_and_a_worse_one_is_not(people: Sender) -> None:
    keep(policy="person")
    ask("training")
    assert found().champion is None
    assert "Waits for a person" in found().versions[0].figures["verdict"]
    services.activate_version(slug="buy", version=1, by="ann", now=clock.now())
    # Features that are not looked at any more cannot be compared by.
    keep(policy="better", features=["plan"])
    ask("training")
    newest = found().versions[0]
    assert newest.figures["comparison"]["verdict"] == "features are gone"
    assert (newest.status == "champion") == (newest.figures["holdout"]["auc"] >= 0.55)


def test_a_version_that_fails_four_fifths_waits_where_that_blocks(people: Sender) -> None:
    keep(groups=["plan"], features=["recency_days", "frequency", "orders_30d"], blocks=True)
    ask("training")
    told = found().versions[0]
    fair = told.figures["fairness"]["plan"]
    assert {one["group"] for one in fair["rows"]} == {"free", "pro", "team"}
    assert (told.status == "champion") == fair["passes"]
    assert fair["passes"] or "four-fifths" in told.figures["verdict"]


def test_what_came_true_is_shown_by_decile_once_the_window_has_closed(people: Sender) -> None:
    keep()
    past = clock.now() - timedelta(days=40)
    ask("training", as_of=past)
    first = ask("scoring", as_of=past)
    assert found().scorings[0].outcome is None
    ask("scoring")
    outcome = next(one for one in found().scorings if one.run_id == first.pk).outcome
    assert outcome is not None
    assert outcome["people"] == crowd.PEOPLE
    assert outcome["deciles"][0]["rate"] > outcome["deciles"][-1]["rate"]
    assert abs(outcome["calibration"]["mean_score"] - outcome["calibration"]["rate"]) < 0.2


def test_people_who_change_raise_an_alarm_and_are_learned_of_anew(people: Sender) -> None:
    keep(train_every_days=None, score_every_days=None)
    ask("training", as_of=clock.now() - timedelta(days=1))
    now = clock.now().isoformat()
    people.send(*[
        people.order(f"u{n}", now, 5, order_id=f"burst {n} {k}") for n in range(crowd.PEOPLE) for k in range(6)
    ])  # fmt: skip
    ask("scoring", as_of=clock.now() + timedelta(seconds=0))
    assert any("is not as it was" in told for told in found().alarms)
    (alert,) = quality.alerts()
    assert (alert.kind, alert.event, alert.path) == (
        "model_drift", f"prediction {found().slug}", f"/insights/predictions/{found().slug}/",
    )  # fmt: skip
    assert "is not as it was" in alert.told
    assert alert.told.startswith("Will buy: ")
    assert services.plan_runs(now=clock.now()) == 0
    Run.objects.filter(kind="training").update(requested_at=clock.now() - timedelta(days=2))
    assert services.plan_runs(now=clock.now()) == 1
    assert Run.objects.filter(state="waiting").get().kind == "training"


def test_a_young_base_that_only_grows_older_raises_no_alarm_of_a_feature_and_names_are_for_people(
    people: Sender,
) -> None:
    grows = ["tenure_days", "frequency", "monetary", "orders_90d", "orders_30d"]
    keep(features=[*grows, "plan"])
    ask("training", as_of=clock.now() - timedelta(days=30))
    version = PredictionModel.objects.get()
    ask("scoring")
    drift = found().scorings[0].drift
    for name, one in drift["features"].items():
        title = selectors.features()[name].title
        assert not any(name in told and title not in told for told in drift["alarms"])
        if name in grows[:4]:
            assert (one["alarm"], bool(one["expected"])) == (False, True)
    left = [*version.figures["left_out"], "tenure_days"]
    PredictionModel.objects.update(figures={**version.figures, "left_out": left})
    one_of_each_role()
    shown = text_of(signed_in("viewer").get(reverse("web:model_card", args=["buy", 1])))
    assert "Tenure" in shown
    assert "tenure_days" not in shown.partition("Left out:")[2][:200]
    text = text_of(signed_in("viewer").get(reverse("web:prediction", args=["buy"])))
    assert "rises by itself" in text or "days older" in text


def test_who_is_erased_is_in_no_training_set_and_no_score(people: Sender) -> None:
    keep()
    spec = PredictionSpec.from_json(crowd.SPEC)
    gone = people.profile("u7")
    assert gone in read_set(spec, ["frequency"], as_of=clock.now(), orders=setting().orders).people
    privacy.request_erasure(profile_id=gone, by="ann", now=clock.now())
    privacy.run_erasures(now=clock.now(), after=follow_moves)
    assert gone not in read_set(spec, ["frequency"], as_of=clock.now(), orders=setting().orders).people
    ask("training")
    stored = bytes(PredictionModel.objects.get().body) + repr(PredictionModel.objects.get().figures).encode()
    assert b"u7" not in stored
    ask("scoring")
    assert found().scorings[0].people == crowd.PEOPLE - 1


def test_a_feature_that_a_prediction_reads_is_not_removed(people: Sender) -> None:
    keep()
    with pytest.raises(BadFeature, match="used by Will buy"):
        services.remove_feature(name="plan", by="ann", now=clock.now())


def test_a_second_worker_passes_over_a_training_and_a_stopped_one_leaves_the_champion(people: Sender) -> None:
    keep()
    ask("training")
    services.request_run(kind="training", slug="buy", by="ann", now=clock.now())
    row = Run.objects.order_by("-pk")[0]
    with closing(pg.connect(autocommit=True)) as other:
        assert pg.try_lock(other, *runs._lock_of(row))
        assert work() == 0
    jobs.cancel(row.job_id or 0)
    work()
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert [one.status for one in found().versions] == ["champion"]


_KILLED = """
from cdp.pipeline.follow import follow_moves
from insights import services as insights
from insights.predictions import learners
fit = learners.fit
def slowly(*given, **more):
    open(MARK, "a").write(".")
    time.sleep(3600)
    return fit(*given, **more)
learners.fit = slowly
insights.run_waiting(now=clock.now(), after=follow_moves)
"""


def test_a_worker_that_is_killed_while_training_leaves_the_champion_serving(people: Sender, tmp_path: Any) -> None:
    keep()
    ask("training")
    ask("scoring")
    before = traits(people.profile("u1"))
    mark = tmp_path / "mark"
    services.request_run(kind="training", slug="buy", by="ann", now=clock.now())
    kill_worker(f"MARK = {str(mark)!r}\n{_KILLED}", when=mark.exists)
    row = Run.objects.order_by("-pk")[0]
    assert (row.kind, row.state) == ("training", "waiting")
    assert [one.version for one in found().versions] == [1]
    assert traits(people.profile("u1")) == before
    wait_until(lambda: work() == 1)
    assert [one.version for one in found().versions] == [2, 1]


def test_people_of_a_segment_are_those_who_were_in_it_then(people: Sender) -> None:
    keep(segment="")
    segment_services.create_segment(
        name="Team", slug="team", rule={"trait": "plan", "is": "eq", "value": "team"}, by="ann", now=clock.now()
    )
    keep(segment="team")
    assert "younger than that" in ask("training").error
    pg.raw().execute("update segments_change set at = at - interval '400 days'")
    meter = selectors.meter_of(PredictionSpec.from_json({**crowd.SPEC, "segment": "team"}), now=clock.now())
    assert meter.people == len(range(2, crowd.PEOPLE, 3))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"event": ""}, "event"), ({"days": 0}, "days"), ({"goal": "maybe"}, "goal"),
        ({"goal": "does_not"}, "active_days"),
        ({"segment": "none"}, "segment"), ({"features": ["none"]}, "features"), ({"groups": ["monetary"]}, "groups"),
        ({"where": [{"property": "a", "is": "like"}]}, "where"), ({"policy": "x"}, "policy"), ({"speed": 1}, "speed"),
    ],
)  # fmt: skip
def test_a_prediction_that_cannot_be_is_refused_with_its_field(db: None, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BadPrediction, match=f"^{field}:"):
        services.keep_prediction(
            slug="buy", name="", spec={"event": "Bought", **wrong}, by="ann", now=datetime(2026, 6, 1, tzinfo=UTC)
        )


def test_a_run_of_nothing_is_refused(db: None) -> None:
    with pytest.raises(NotPossible, match="no prediction"):
        services.request_run(kind="training", slug="none", by="ann", now=clock.now())
