"""Alerts that another part of the product raises: shown like all, told once, closed by the one who raised them."""

from datetime import UTC, datetime, timedelta

import pytest

from common.models import User
from insights.alarms import forget_alarms, tell_alarms
from insights.models import Prediction, Run
from quality import selectors, services
from quality.alerting.models import AlertNotice
from quality.services import Wish

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def settle(told: str, at: datetime = NOW) -> None:
    services.settle_alarm(kind="model_drift", origin="prediction churn", told=told, path="/insights/", now=at)


def told() -> list[str]:
    return list(AlertNotice.objects.order_by("pk").values_list("what", flat=True))


@pytest.fixture(autouse=True)
def ann() -> None:
    User.objects.create(email="ann@example.com")
    services.keep_mail(email="ann@example.com", wish=Wish(source_ids=[5]), by="ann", now=NOW)


def test_an_alarm_stands_until_its_origin_closes_it_and_is_told_once_each() -> None:
    settle("spend is not as it was (PSI 0.31).")
    settle("spend is not as it was (PSI 0.40).", NOW + HOUR)
    (one,) = selectors.alerts()
    assert (one.told, one.path, one.source_id) == ("spend is not as it was (PSI 0.40).", "/insights/", 0)
    services.check_quality(now=NOW + timedelta(days=30))
    services.check_limits(now=NOW + timedelta(days=30))
    assert len(selectors.alerts()) == 1
    settle("", NOW + timedelta(days=31))
    settle("", NOW + timedelta(days=31))
    assert (selectors.alerts(), told()) == ([], ["raised", "resolved"])


def test_what_was_acknowledged_is_raised_again_only_after_it_had_passed() -> None:
    settle("off")
    services.acknowledge_alert(alert_id=selectors.alerts()[0].id, by="ann", now=NOW)
    settle("still off", NOW + HOUR)
    assert selectors.alerts() == []
    settle("", NOW + 2 * HOUR)
    settle("off once more", NOW + 3 * HOUR)
    assert [one.told for one in selectors.alerts()] == ["off once more"]
    assert told() == ["raised", "resolved", "raised"]


def test_drift_and_calibration_are_told_apart_and_recommendations_have_their_own() -> None:
    prediction = Prediction(slug="churn", name="Churn")
    off = "Scores were off in the last closed window."
    drifted = {"drift": {"alarms": ["spend is not as it was.", off], "off": off}}
    tell_alarms(Run(kind="scoring", prediction=prediction, figures=drifted), now=NOW)
    tell_alarms(Run(kind="recommendations", figures={"alarms": ["nDCG fell by 40 %."]}), now=NOW)
    assert {(one.kind, one.event, one.told) for one in selectors.alerts()} == {
        ("model_drift", "prediction churn", "Churn: spend is not as it was."),
        ("model_calibration", "prediction churn", f"Churn: {off}"),
        ("recommendations", "recommendations", "nDCG fell by 40 %."),
    }  # fmt: skip
    tell_alarms(Run(kind="scoring", prediction=prediction, figures={"drift": {"alarms": [off], "off": off}}), now=NOW)
    assert {one.kind for one in selectors.alerts()} == {"model_calibration", "recommendations"}
    forget_alarms("churn", now=NOW)
    assert {one.kind for one in selectors.alerts()} == {"recommendations"}
