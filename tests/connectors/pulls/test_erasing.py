"""Nothing is left of somebody in what is remembered of pulled rows."""

from typing import Any

import psycopg
import pytest

from cdp import erasing
from cdp.scanning import scan
from common import clock
from connectors import services
from connectors.pulls.models import PulledRow
from identity import selectors as identity
from privacy import services as privacy
from tests.connectors.carriers.test_postgres_table import Wire
from tests.connectors.pulls.test_postgres import _FILL, _PEOPLE, setup
from tests.connectors.pulls.world import BY, Asked, apply

pytestmark = pytest.mark.django_db(transaction=True)
ANN = "p2@example.com"


def test_who_was_erased_is_forgotten_and_not_remembered_again(
    asked: Asked, wire: Wire, shop: psycopg.Connection[Any]
) -> None:
    shop.execute(_PEOPLE)
    shop.execute(_FILL, [1, 3])
    setup(asked, wire, mode="full", gone="event")
    asked.pull()
    apply()
    assert any("pulledrow" in one.place for one in scan([ANN]))
    erase()
    assert scan([ANN]) == []
    assert PulledRow.objects.filter(who__isnull=True).count() == 1
    shop.execute("update in_test.people set first_name = 'Bea'")
    assert asked.pull().items == 3
    apply()
    assert identity.find_profile("email", ANN) is None
    assert PulledRow.objects.filter(who__isnull=True).count() == 1, "who must not be stored is not stored here either"


def test_a_place_that_names_somebody_who_was_erased_goes_without_the_name(
    asked: Asked, wire: Wire, shop: psycopg.Connection[Any]
) -> None:
    shop.execute(_PEOPLE)
    shop.execute(_FILL, [1, 2])
    setup(asked, wire, key="email", look_back=0)
    asked.pull()
    apply()
    assert any("connectors_pull" in one.place for one in scan([ANN]))
    erase()
    assert scan([ANN]) == []
    shop.execute(_FILL, [3, 4])
    assert asked.pull().rows == 3, "the row of the place is read again, and dropped with its person"
    apply()
    assert identity.find_profile("email", ANN) is None
    assert identity.find_profile("email", "p4@example.com") is not None


def erase() -> None:
    person = identity.find_profile("email", ANN)
    assert person is not None
    privacy.request_erasure(profile_id=person, by=BY, now=clock.now())
    erasing.run_erasures(now=clock.now())
    services.read_pulls(now=clock.now(), suppressed=privacy.suppressed_among)
