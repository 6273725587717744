"""Workers of campaigns that are killed at any moment: nobody is lost, and nobody passes a step twice."""

import pytest
from django.db import connection

from campaigns import selectors
from campaigns.journeys.models import Passage, Trigger
from campaigns.sending.models import Send
from tests.campaigns.journeys_world import Shop, shop
from tests.campaigns.test_journey_messages import reminding, write
from tests.connectors.killing import kill_worker

__all__ = ["shop"]
pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 240
# Small batches and a pause in each transaction, so that most kills hit one that is open.
_WORK = """
from datetime import datetime
from campaigns.journeys import listening, running, working
from campaigns.journeys.reading import facts as read
def slow(*args, **kwargs):
    time.sleep(0.02)
    return read(*args, **kwargs)
working.reading.facts = slow
working.move_due.__kwdefaults__["limit"] = 10
listening.take_triggers.__kwdefaults__["limit"] = 30
while True:
    running.run_once(now=datetime.fromisoformat({now!r}))
"""


def passages() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select (select count(*) from campaigns_passage) + (select count(*) from campaigns_instance)")
        return int(cursor.fetchone()[0])


def test_killed_workers_lose_nobody_and_repeat_nothing(shop: Shop) -> None:
    write(shop)
    campaign = shop.start(reminding())
    shop.send(*(
        {"type": "identify", "userId": f"u{n}", "traits": {"email": f"u{n}@example.org", "consent_news": True}}
        for n in range(PEOPLE)
    ))  # fmt: skip
    shop.send(
        *({"type": "track", "userId": f"u{n}", "event": "Cart Abandoned", "properties": {}} for n in range(PEOPLE))
    )
    for hours, share in ((0, 0.4), (1, 1.3), (1, 2.2)):
        now = shop.now.replace(hour=shop.now.hour + hours)
        kill_worker(_WORK.format(now=now.isoformat()), when=lambda least=share: passages() > least * PEOPLE)
    shop.run(hours=1)
    assert Trigger.objects.count() == 0
    assert shop.states(campaign) == {"finished": PEOPLE}
    assert Passage.objects.count() == 2 * PEOPLE
    assert Passage.objects.values("instance_id", "step").distinct().count() == 2 * PEOPLE
    assert Send.objects.filter(state="queued").count() == PEOPLE
    assert Send.objects.values("identifier_id").distinct().count() == PEOPLE
    assert selectors.campaign_results(campaign.id, now=shop.now).messages[0].asked == PEOPLE
