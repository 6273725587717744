"""Trying a campaign's draft with one person, made up or real. Nothing is written."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from campaigns.contracts import NotNow
from campaigns.experiments.deciding import assign_people
from campaigns.experiments.selectors import experiments_named
from campaigns.journeys import selectors
from campaigns.journeys.checking import expect_runnable
from campaigns.journeys.contracts import MadeUp, Simulation
from campaigns.journeys.models import Campaign
from campaigns.journeys.simulating import simulate
from campaigns.journeys.spec import experiments_of
from identity import selectors as identity
from segments import selectors as segments

Events = tuple[tuple[int, str, Mapping[str, Any]], ...]


def try_campaign(
    campaign_id: int, *, start: datetime, person: MadeUp | None = None, profile_id: int | None = None,
    events: Events = (),
) -> Simulation:  # fmt: skip
    """The path of a made-up person, or of a profile with its present traits and segments, who enters at `start` and
    then does what `events` tells. Raises InvalidCampaign for a draft that cannot run, NotNow when nobody is named."""
    row = Campaign.objects.get(pk=campaign_id)
    spec = selectors.view(row).draft
    expect_runnable(spec)
    unit = "made up"
    if profile_id is not None:
        person, unit = _real(profile_id, experiments_of(spec), events), f"profile:{profile_id}"
    if person is None:
        raise NotNow("Name a person, or make one up.")
    return simulate(spec, person, seed=row.seed, unit=unit, start=start)


def _real(profile_id: int, experiments: frozenset[str], events: Events) -> MadeUp:
    view = identity.profile_view(profile_id)
    if view is None:
        raise NotNow("There is no such person.")
    variants = {}
    for one in experiments_named(sorted(experiments)):
        given = assign_people(one, [view.id])[view.id]
        if given.taking_part or given.reason == "winner":
            variants[one.slug] = given.variant.key
    member = frozenset(segments.slugs_of([view.id]).get(view.id, ()))
    return MadeUp(view.traits, member, events, variants)
