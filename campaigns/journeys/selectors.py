"""Reading campaigns, and who is where in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from campaigns.journeys.contracts import (
    Ask,
    Audience,
    CampaignVersionView,
    CampaignView,
    InstanceView,
    Passed,
    Stopping,
)
from campaigns.journeys.entering import Opened, held_out, not_again
from campaigns.journeys.models import Campaign, CampaignVersion, Instance, Passage
from campaigns.journeys.sent import waiting_and_sent
from campaigns.journeys.spec import Call, OnList, Spec, Update, segments_of
from common import crypto, pg
from identity import selectors as identity
from segments import selectors as segments

_PAGE = 5_000
_STATES = """
select campaign_id, state, count(*) from campaigns_instance where campaign_id = any(%(ids)s) group by 1, 2
"""


def view(row: Campaign) -> CampaignView:
    """The contract of one row."""
    newest = CampaignVersion.objects.filter(campaign=row, number=row.version).values_list("spec", flat=True).first()
    asked = None if row.asked is None else msgspec.convert(row.asked, Ask)
    return CampaignView(
        row.pk, row.slug, row.name, row.state, row.version, msgspec.convert(row.draft, Spec), newest != row.draft,  # type: ignore[arg-type]
        asked, row.owner, row.created_at, row.started_at, row.ended_at,
    )  # fmt: skip


def campaigns(*, before: int | None = None, limit: int = 200) -> list[CampaignView]:
    """The newest first, by keyset."""
    rows = Campaign.objects.order_by("-pk")
    return [view(row) for row in (rows.filter(pk__lt=before) if before else rows)[:limit]]


def campaign(reference: int | str) -> CampaignView | None:
    """By id or slug."""
    by = {"pk": int(reference)} if str(reference).isdecimal() else {"slug": reference}
    row = Campaign.objects.filter(**by).first()
    return None if row is None else view(row)


def campaign_versions(campaign_id: int) -> list[CampaignVersionView]:
    """All versions, the newest first."""
    rows = CampaignVersion.objects.filter(campaign_id=campaign_id).order_by("-number")
    return [CampaignVersionView(row.number, msgspec.convert(row.spec, Spec), row.by, row.at) for row in rows]


def spec_in_force(campaign_id: int) -> Spec:
    """The newest version, or the draft of one that has none."""
    newest = CampaignVersion.objects.filter(campaign_id=campaign_id).order_by("-number").values_list("spec", flat=True)
    draft = Campaign.objects.filter(pk=campaign_id).values_list("draft", flat=True)
    return msgspec.convert(newest.first() or draft.get(), Spec)


def campaigns_of_segment(slug: str) -> list[CampaignView]:
    """Those that are not over and whose draft or newest version names a segment."""
    rows = Campaign.objects.exclude(state__in=[Campaign.State.STOPPED, Campaign.State.FINISHED]).order_by("name")
    found = []
    for one in map(view, rows):
        live = campaign_versions(one.id)[:1] if one.version else []
        if slug in segments_of(one.draft) or any(slug in segments_of(each.spec) for each in live):
            found.append(one)
    return found


def signing_secret(campaign_id: int) -> str:
    """What the calls of a campaign are signed with."""
    return crypto.decrypt(Campaign.objects.values_list("secret", flat=True).get(pk=campaign_id))


def campaign_seed(campaign_id: int) -> str:
    """What its draws are made from."""
    return Campaign.objects.values_list("seed", flat=True).get(pk=campaign_id)


def states(campaign_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """How many journeys are in each state, by campaign."""
    found: dict[int, dict[str, int]] = {one: {} for one in campaign_ids}
    with psycopg.Cursor(pg.raw()) as cursor:
        rows = cursor.execute(_STATES, {"ids": pg.int8s(list(campaign_ids))}).fetchall()
    for one, state, count in rows:
        found[one][state] = count
    return found


def instances(
    *, profile_id: int | None = None, campaign_id: int | None = None, before: int | None = None, limit: int = 100
) -> list[InstanceView]:
    """Journeys, the newest first: of a profile (with those of people who were merged into it), or of a campaign."""
    rows = Instance.objects.select_related("campaign").order_by("-pk")
    if profile_id is not None:
        rows = rows.filter(person_id__in=identity.identifier_ids(profile_id))
    if campaign_id is not None:
        rows = rows.filter(campaign_id=campaign_id)
    page = list((rows.filter(pk__lt=before) if before else rows)[:limit])
    passed: dict[int, list[Passed]] = {}
    for one in Passage.objects.filter(instance_id__in=[row.pk for row in page]).order_by("pk"):
        passed.setdefault(one.instance_id, []).append(Passed(one.step, one.way, one.arrived_at, one.left_at))
    people = identity.current_ids({row.person_id for row in page})
    return [
        InstanceView(
            row.pk, row.campaign_id, row.campaign.slug, row.version, people.get(row.person_id), row.key, row.state,
            row.step, row.due_at, row.entered_at, row.ended_at, tuple(passed.get(row.pk, ())),
        ) for row in page
    ]  # fmt: skip


def stopping(campaign_id: int) -> Stopping:
    """Who is inside, and what can and cannot be taken back."""
    row = Campaign.objects.get(pk=campaign_id)
    doing = {
        step.id for version in campaign_versions(row.pk) for step in version.spec.steps
        if isinstance(step, Call | OnList | Update)
    }  # fmt: skip
    inside = Instance.objects.filter(campaign=row, state=Instance.State.ACTIVE).count()
    done = Passage.objects.filter(campaign_id=row.pk, step__in=sorted(doing)).exclude(way="failed").count()
    waiting, sent = waiting_and_sent(row.pk)
    return Stopping(inside, waiting, sent, done)


def audience(
    cursor: psycopg.Cursor[Any], campaign_id: int, seed: str, spec: Spec, *, slug: str, now: datetime
) -> Audience:
    """Count those whom a broadcast to the segment `slug` would reach now, as it would be sent."""
    segment, at_seq = segments.segment(slug), segments.head_seq()
    found = Opened(campaign_id, 0, seed, spec)
    members = out = again = after = 0
    while segment is not None:
        page = segments.members(segment.id, at_seq=at_seq, after_profile=after, limit=_PAGE)
        kept_out = not_again(cursor, found, page, now) if page else set()
        members, again = members + len(page), again + len(kept_out)
        out += sum(held_out(spec, seed, one) for one in page if one not in kept_out)
        if len(page) < _PAGE:
            break
        after = page[-1]
    return Audience(at_seq, members, out, again, members - out - again)
