"""Making campaigns, putting versions in force, and stopping them."""

import secrets
import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from django.db import transaction
from django.utils.text import slugify

from campaigns.contracts import NotNow
from campaigns.experiments.selectors import experiments_named
from campaigns.journeys import selectors
from campaigns.journeys.checking import expect_runnable, read_spec
from campaigns.journeys.contracts import APPROVE_ABOVE, Audience, CampaignView, InvalidCampaign, Stopping
from campaigns.journeys.examples import EXAMPLES, contents
from campaigns.journeys.models import Campaign, CampaignVersion, Instance, Occurrence
from campaigns.journeys.recurring import times
from campaigns.journeys.sent import cancel_waiting
from campaigns.journeys.spec import Broadcast, Spec, experiments_of, listened, lists_of, segments_of, templates_of
from campaigns.messages.selectors import template
from campaigns.messages.services import create_template
from common import audit, crypto, pg
from connectors import selectors as connectors
from connectors import services as connecting
from insights import services as insights
from segments import selectors as segments

_SOURCE = "campaigns"
# What somebody approved may have grown by a tenth meanwhile.
_GROWN = 1.1


@transaction.atomic
def create_campaign(
    *, name: str, spec: Any, by: str, now: datetime, slug: str = "", owner: str = "", via: str = "ui"
) -> CampaignView:  # fmt: skip
    """A draft, which may be unfinished. Raises InvalidCampaign with what is wrong, by JSON pointer."""
    wanted = slug or slugify(name)[:80]
    if not name.strip():
        raise InvalidCampaign({"/name": "Give it a name."})
    if not wanted or Campaign.objects.filter(slug=wanted).exists():
        raise InvalidCampaign({"/slug": "There is a campaign of this name. Choose another."})
    row = Campaign.objects.create(
        slug=wanted, name=name.strip(), owner=owner, draft=msgspec.to_builtins(read_spec(spec)),
        seed=secrets.token_hex(16), secret=crypto.encrypt(connecting.new_webhook_secret()),
        source_id=_source(by=by, now=now, via=via), created_by=by, created_at=now,
    )  # fmt: skip
    _note(row, "create", "Made the campaign", by=by, now=now, via=via)
    return selectors.view(row)


@transaction.atomic
def change_campaign(
    campaign_id: int, *, by: str, now: datetime, spec: Any = None, name: str | None = None, owner: str | None = None,
    via: str = "ui",
) -> CampaignView:  # fmt: skip
    """Change the draft; nobody notices before it is put in force. A start that waits for a second person is forgotten.

    Raises InvalidCampaign, NotNow.
    """
    row = _locked(campaign_id)
    if row.state in (Campaign.State.STOPPED, Campaign.State.FINISHED):
        raise NotNow("It has ended. Make another one.")
    if name is not None:
        if not name.strip():
            raise InvalidCampaign({"/name": "Give it a name."})
        row.name = name.strip()
    row.owner = row.owner if owner is None else owner
    if spec is not None:
        row.draft, row.asked = msgspec.to_builtins(read_spec(spec)), None
    row.save(update_fields=["name", "owner", "draft", "asked"])
    _note(row, "change", "Changed the draft of the campaign", by=by, now=now, via=via)
    return selectors.view(row)


@transaction.atomic
def begin_example(slug: str, *, by: str, now: datetime, via: str = "ui") -> CampaignView:
    """A draft from an example, and drafts of the templates that it sends and that there are not yet.

    Raises KeyError for a slug that is none.
    """
    example = next((one for one in EXAMPLES if one.slug == slug), None)
    if example is None:
        raise KeyError(slug)
    for name, (subject, words) in example.messages.items():
        if template(name) is None:
            create_template(
                name=subject, slug=name, message_class="marketing", contents=contents(subject, words), by=by, now=now,
                via=via,
            )  # fmt: skip
    used = Campaign.objects.filter(slug__startswith=slug).count()
    name = f"{example.name} {used + 1}" if used else example.name
    return create_campaign(name=name, spec=example.spec, by=by, now=now, via=via)


def expect_ready(campaign_id: int) -> Spec:
    """The draft, if it can be put in force. Raises InvalidCampaign with everything that keeps it from that."""
    spec = selectors.view(Campaign.objects.get(pk=campaign_id)).draft
    expect_runnable(spec)
    if missing := dict(_missing(spec)):
        raise InvalidCampaign(missing)
    return spec


@transaction.atomic
def start_campaign(
    campaign_id: int, *, by: str, now: datetime, may_mass: bool, via: str = "ui"
) -> CampaignView:  # fmt: skip
    """Put the draft in force, as a new version: people enter from now on; who is inside finishes on his own version.

    A broadcast to more than `APPROVE_ABOVE` people by somebody who may not do that alone (`may_mass`) waits for a
    second person. Raises InvalidCampaign, NotNow.
    """
    row = _locked(campaign_id)
    _expect_open(row)
    spec = expect_ready(campaign_id)
    audience = _audience(row, spec, now=now)
    if audience is not None and audience.recipients > APPROVE_ABOVE and not may_mass:
        row.asked = msgspec.to_builtins({"by": by, "at": now, "audience": audience})
        row.save(update_fields=["asked"])
        _note(row, "ask", "Asked a second person to start", by=by, now=now, via=via,
              after={"recipients": audience.recipients})  # fmt: skip
        return selectors.view(row)
    return _put_in_force(row, spec, audience, by=by, now=now, via=via)


@transaction.atomic
def approve_campaign(campaign_id: int, *, by: str, now: datetime, via: str = "ui") -> CampaignView:
    """Start what somebody else asked for. Raises NotNow when nobody did, when it was the same person, or when there are
    many more recipients by now."""
    row = _locked(campaign_id)
    asked = selectors.view(row).asked
    if asked is None:
        raise NotNow("Nobody asked to start it.")
    if asked.by == by:
        raise NotNow("You asked for it yourself. Somebody else has to look at it.")
    _expect_open(row)
    spec = expect_ready(campaign_id)
    audience = _audience(row, spec, now=now)
    if audience is not None and audience.recipients > _GROWN * asked.audience.recipients:
        raise NotNow(
            f"There are {audience.recipients:,} recipients now. Decline it, look at the segment, and ask again."
        )
    _note(row, "approve", f"Approved what {asked.by} asked:", by=by, now=now, via=via)
    return _put_in_force(row, spec, audience, by=by, now=now, via=via)


@transaction.atomic
def decline_campaign(campaign_id: int, *, by: str, now: datetime, via: str = "ui") -> CampaignView:
    """Forget a start that somebody asked for."""
    row = _locked(campaign_id)
    if row.asked is None:
        raise NotNow("Nobody asked to start it.")
    row.asked = None
    row.save(update_fields=["asked"])
    _note(row, "decline", "Declined to start", by=by, now=now, via=via)
    return selectors.view(row)


@transaction.atomic
def pause_campaign(campaign_id: int, *, by: str, now: datetime, via: str = "ui") -> Stopping:
    """Nobody enters and nobody moves on until it is resumed. Answers what cannot be taken back."""
    row = _locked(campaign_id)
    if row.state != Campaign.State.RUNNING:
        raise NotNow("It does not run.")
    row.state = Campaign.State.PAUSED
    row.save(update_fields=["state"])
    told = selectors.stopping(row.pk)
    _note(row, "pause", "Paused the campaign", by=by, now=now, via=via, after=msgspec.to_builtins(told))
    return told


@transaction.atomic
def resume_campaign(campaign_id: int, *, by: str, now: datetime, via: str = "ui") -> CampaignView:
    """People move on; what was due meanwhile goes on at once. Who entered a segment during the pause is passed over."""
    row = _locked(campaign_id)
    if row.state != Campaign.State.PAUSED:
        raise NotNow("It is not paused.")
    row.state, row.cursor_seq = Campaign.State.RUNNING, segments.head_seq()
    row.save(update_fields=["state", "cursor_seq"])
    _note(row, "resume", "Resumed the campaign", by=by, now=now, via=via)
    return selectors.view(row)


@transaction.atomic
def stop_campaign(campaign_id: int, *, by: str, now: datetime, via: str = "ui") -> Stopping:
    """End it for everybody, for good; messages that wait are taken back. Answers what cannot be."""
    row = _locked(campaign_id)
    if row.state not in (Campaign.State.RUNNING, Campaign.State.PAUSED):
        raise NotNow("It does not run.")
    told = selectors.stopping(row.pk)
    row.state, row.ended_at = Campaign.State.STOPPED, now
    row.save(update_fields=["state", "ended_at"])
    Instance.objects.filter(campaign=row, state=Instance.State.ACTIVE).update(
        state=Instance.State.STOPPED, ended_at=now, due_at=None, lane=""
    )
    cancel_waiting(row.pk, now=now)
    _note(row, "stop", "Stopped the campaign", by=by, now=now, via=via, after=msgspec.to_builtins(told))
    return told


def audience_of(campaign_id: int, *, now: datetime) -> Audience | None:
    """Whom the draft would reach if it were started now; None for one that people enter by what they do."""
    row = Campaign.objects.get(pk=campaign_id)
    return _audience(row, selectors.view(row).draft, now=now)


def next_times(campaign_id: int, *, now: datetime, most: int = 3) -> list[datetime]:
    """When the draft's broadcast would go out next; nothing for one that is not scheduled."""
    spec = selectors.view(Campaign.objects.get(pk=campaign_id)).draft
    if not isinstance(spec.entry, Broadcast) or spec.zone not in zoneinfo.available_timezones():
        return []
    return times(spec.entry, zone=spec.zone, after=now, most=most)


def _put_in_force(
    row: Campaign, spec: Spec, audience: Audience | None, *, by: str, now: datetime, via: str
) -> CampaignView:  # fmt: skip
    first = row.state == Campaign.State.DRAFT
    row.version += 1
    CampaignVersion.objects.create(
        campaign=row, number=row.version, spec=msgspec.to_builtins(spec), by=by, at=now
    )  # fmt: skip
    row.asked, row.listens = None, sorted({*row.listens, *listened(spec)})
    if first:
        row.state, row.started_at, row.cursor_seq = Campaign.State.RUNNING, now, segments.head_seq()
    row.save(update_fields=["version", "asked", "listens", "state", "started_at", "cursor_seq"])
    if first and audience is not None and isinstance(spec.entry, Broadcast) and spec.entry.at is None:
        # Of this very version of the ledger the recipients were counted.
        Occurrence.objects.create(campaign=row, at=now, at_seq=audience.at_seq)
    told = {} if audience is None else {"recipients": audience.recipients}
    _note(row, "start", f"Put version {row.version} in force of", by=by, now=now, via=via, after=told)
    insights.annotate(
        at=now, kind="campaign", text=f"{row.name}, version {row.version}, began", by=by, now=now, via=via,
        link=f"/campaigns/{row.pk}/", key=f"campaign:{row.pk}:{row.version}",
    )  # fmt: skip
    return selectors.view(row)


def _audience(row: Campaign, spec: Spec, *, now: datetime) -> Audience | None:
    if not isinstance(spec.entry, Broadcast):
        return None
    with psycopg.Cursor(pg.raw()) as cursor:
        return selectors.audience(cursor, row.pk, row.seed, spec, slug=spec.entry.segment, now=now)


def _expect_open(row: Campaign) -> None:
    if row.state in (Campaign.State.STOPPED, Campaign.State.FINISHED):
        raise NotNow("It has ended. Make another one.")
    if row.state == Campaign.State.PAUSED:
        raise NotNow("It is paused. Resume it first.")
    if row.state == Campaign.State.RUNNING and not selectors.view(row).changed:
        raise NotNow("Nothing has changed since the version that runs.")


def _missing(spec: Spec) -> list[tuple[str, str]]:
    """What the document names and is not there."""
    found = list[tuple[str, str]]()
    for slug in sorted(segments_of(spec)):
        segment = segments.segment(slug)
        if segment is None or segment.is_archived:
            found.append(("/", f"There is no segment {slug}. Choose another."))
    found += [("/", f"There is no list {slug}. Make it first.") for slug in sorted(lists_of(spec))
              if segments.static_list(slug) is None]  # fmt: skip
    found += _template_faults(spec)
    known = {one.slug for one in experiments_named(sorted(experiments_of(spec)))}
    found += [("/", f"There is no experiment {slug}. Make it first.") for slug in sorted(experiments_of(spec) - known)]
    return found


def _template_faults(spec: Spec) -> list[tuple[str, str]]:
    found = []
    for slug in sorted(templates_of(spec)):
        one = template(slug)
        if one is None or one.archived or not one.live:
            found.append(("/", f"There is no published template {slug}. Publish it first."))
        elif one.message_class != spec.message_class:
            found.append(("/message_class", f"The template {slug} is {one.message_class}. Both must be the same."))
    return found


def _source(*, by: str, now: datetime, via: str) -> int:
    """The source that traits come from which campaigns say; made for the first campaign."""
    known = next((one.id for one in connectors.sources() if one.slug == _SOURCE), None)
    return known or connecting.create_source(name="Campaigns", kind="server", by=by, via=via, now=now).id


def _locked(campaign_id: int) -> Campaign:
    return Campaign.objects.select_for_update().get(pk=campaign_id)


def _note(
    row: Campaign, action: str, words: str, *, by: str, now: datetime, via: str, after: Mapping[str, Any] | None = None
) -> None:  # fmt: skip
    audit.record(
        actor=by, via=via, action=f"campaign.{action}", object_type="campaign", object_id=row.pk, at=now,
        summary=f"{words} {row.name}", after=dict(after or {}),
    )  # fmt: skip
