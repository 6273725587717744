"""Changing a draft step by step, as an editor does; and its outline for reading."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from campaigns.journeys import editing
from campaigns.journeys.contracts import CampaignView, InvalidCampaign
from campaigns.journeys.models import Campaign
from campaigns.journeys.services import change_campaign
from campaigns.journeys.spec import Spec, in_order, ways


@dataclass(frozen=True, slots=True)
class Outline:
    """The steps as plain JSON, each after those that lead to it and then those that nothing leads to; and of each the
    ways on: what the way is called, and the id of the next step ("" for the end)."""

    steps: tuple[dict[str, Any], ...]
    ways: Mapping[str, tuple[tuple[str, str], ...]]
    can_rise: frozenset[str]


def outline(spec: Spec) -> Outline:
    """The outline of a document; a circle is told by its faults, and here in the order of the document."""
    try:
        first = in_order(spec.steps)
    except ValueError:
        first = list(spec.steps)
    ordered = [*first, *(step for step in spec.steps if step not in first)]
    document = msgspec.to_builtins(spec)
    by_id = {step["id"]: step for step in document["steps"]}
    return Outline(
        tuple(by_id[step.id] for step in ordered), {step.id: tuple(ways(step)) for step in ordered},
        frozenset(step.id for step in ordered if editing.can_rise(document, step.id)),
    )  # fmt: skip


def insert_step(
    campaign_id: int, *, kind: str, after: str, by: str, now: datetime, via: str = "ui"
) -> str:  # fmt: skip
    """Put a new step behind another one, or in front; answers its id."""
    if kind not in editing.NEW:
        raise InvalidCampaign({"/kind": "There is no such kind of step."})
    made = list[str]()
    _edit(campaign_id, lambda document: made.append(editing.insert(document, kind, after)), by=by, now=now, via=via)
    return made[0]


def remove_step(campaign_id: int, name: str, *, by: str, now: datetime, via: str = "ui") -> CampaignView:
    """Take a step out; whoever came to it goes on where its first way led."""
    return _edit(campaign_id, lambda document: editing.remove(document, name), by=by, now=now, via=via, name=name)


def raise_step(campaign_id: int, name: str, *, by: str, now: datetime, via: str = "ui") -> CampaignView:
    """Let a step change places with the one before it."""
    return _edit(campaign_id, lambda document: editing.rise(document, name), by=by, now=now, via=via, name=name)


def keep_step(
    campaign_id: int, name: str, fields: Mapping[str, Any], *, by: str, now: datetime, via: str = "ui"
) -> CampaignView:  # fmt: skip
    """What a step does, but for its id and kind. Raises InvalidCampaign."""

    def change(document: editing.Document) -> None:
        place = next(place for place, step in enumerate(document["steps"]) if step["id"] == name)
        old = document["steps"][place]
        document["steps"][place] = {**fields, "id": old["id"], "kind": old["kind"]}

    return _edit(campaign_id, change, by=by, now=now, via=via, name=name)


@transaction.atomic
def _edit(
    campaign_id: int, change: Callable[[editing.Document], Any], *, by: str, now: datetime, via: str, name: str = ""
) -> CampaignView:  # fmt: skip
    document = Campaign.objects.select_for_update().get(pk=campaign_id).draft
    if name and name not in {step["id"] for step in document.get("steps", ())}:
        raise InvalidCampaign({"/steps": "There is no such step any more."})
    change(document)
    return change_campaign(campaign_id, spec=document, by=by, now=now, via=via)
