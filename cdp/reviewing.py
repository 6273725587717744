"""Deciding about values that wait for a person: the decision and the replay of the item are one transaction."""

from datetime import datetime
from typing import Any

from django.db import transaction

from cdp.nudge import APPLY_INBOX, wake
from connectors import services as connectors
from quality import services as quality
from quality.contracts import BadRule


@transaction.atomic
def settle(*, review_id: int, verdict: str, by: str, now: datetime, value: Any = None, via: str = "ui") -> None:
    """Accept, correct or reject a value; the item of one that is accepted or corrected goes on. Raises BadRule."""
    item_id = quality.settle_review(review_id=review_id, verdict=verdict, value=value, by=by, now=now, via=via)
    if item_id is None:
        return
    done = connectors.replay_quarantined([item_id], by=by, now=now, via=via)
    if done.refused:
        raise BadRule(f"The item cannot go on: {done.refused[0][1]}")
    transaction.on_commit(lambda: wake(APPLY_INBOX))
