"""What the decision needs to know, read for a whole batch: the number of statements does not depend on its size."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from django.db.models import F

from campaigns.messages.models import TemplateVersion
from campaigns.sending.contracts import GroupView, StepKey
from campaigns.sending.deciding import Contact, Past, Person, Rules
from campaigns.sending.models import PushSubscription, SendingChannel, SubscriptionGroup, SuppressedContact
from campaigns.sending.policies import policy_row, read_caps
from common import pg
from common.crypto import keyed_digest
from identity import selectors as identity
from identity.contracts import ProfileView

# By which kind of identifier a channel reaches somebody.
KIND_OF = {"email": "email", "sms": "phone", "whatsapp": "phone", "mobilepush": "push_token"}
# States in which a row was, or is to be, handed over; and those in which it was, or is on its way.
LIVE = ("queued", "claimed", "handing", "sent", "unknown")
DONE = ("claimed", "handing", "sent", "unknown")
# What an address is worth, by events of e-mail providers (connectors/email/events.py).
_REFUSED = {"bounced": "suppressed", "complained": "suppressed"}

_STATUS = """
select distinct on (identifier_id) identifier_id, value #>> '{}' from identity_said
where identifier_id = any(%(ids)s) and key = 'email_status' order by identifier_id, observed_at desc, tiebreak desc
"""
_PAST = """
select s.id, s.origin, s.version, s.instance, s.step, s.identifier_id, s.channel, s.message_class, s.priority,
       coalesce(s.handed_at, s.due_at, s.requested_at), s.state
from campaigns_send s
where s.identifier_id = any(%(ids)s)
  and (s.state = any(%(live)s) and coalesce(s.handed_at, s.due_at) > %(since)s
       or exists (select from unnest(%(origins)s, %(versions)s, %(instances)s, %(steps)s) as k (o, v, i, t)
                  where (s.origin, s.version, s.instance, s.step) = (k.o, k.v, k.i, k.t)))
order by s.id
"""


def digest_of(channel: str, address: str) -> bytes:
    """By what an address is known in the ledger. SMS and WhatsApp share a number, but each has its own consent."""
    return keyed_digest(f"contact\0{channel}\0{address}")


def rules(*, now: datetime) -> Rules:
    """What holds for all sends."""
    row = policy_row(now=now)
    groups = {
        one.key: GroupView(one.key, one.name, one.description, tuple(one.channels), one.opt_out)
        for one in SubscriptionGroup.objects.all()
    }
    channels = frozenset(SendingChannel.objects.values_list("channel", flat=True)) | {"inapp"}
    return Rules(
        row.quiet_from, row.quiet_until, row.zone, row.holdout, row.seed, read_caps(row.caps), groups, channels
    )


class SendableTemplate(NamedTuple):
    """A template that can be sent: its live version, its group, and the channels that it has something for."""

    version: int
    group: str
    channels: frozenset[str]


def templates(ids: Iterable[int]) -> dict[int, SendableTemplate]:
    """Those of the templates that have a live version and are not archived."""
    rows = TemplateVersion.objects.filter(
        template_id__in=set(ids), number=F("template__live"), template__archived_at=None
    ).values_list("template_id", "number", "template__group", "contents")
    return {key: SendableTemplate(number, group, frozenset(contents)) for key, number, group, contents in rows}


def people(
    cursor: psycopg.Cursor[Any], ids: Collection[int], keys: Collection[StepKey], rules: Rules, *, now: datetime
) -> dict[int, Person]:
    """People by the id asked for, which may be that of any of their identifiers; unknown ids are left out."""
    profiles = identity.profiles_by_id(ids)
    views = {view.id: view for view in profiles.values()}
    every = sorted({one.id for view in views.values() for one in view.identifiers})
    contacts = _contacts(cursor, views, every)
    owner = {one.id: view.id for view in views.values() for one in view.identifiers}
    past = _past(cursor, every, owner, keys, rules, now=now)
    made = {
        view.id: Person(view.id, view.traits, contacts[view.id], past.get(view.id, [])) for view in views.values()
    }  # fmt: skip
    return {asked: made[view.id] for asked, view in profiles.items()}


def _past(
    cursor: psycopg.Cursor[Any], ids: Sequence[int], owner: Mapping[int, int], keys: Collection[StepKey], rules: Rules,
    *, now: datetime,
) -> dict[int, list[Past]]:  # fmt: skip
    longest = timedelta(hours=max((cap.hours for cap in rules.caps), default=1))
    wanted = sorted(set(keys))
    rows = cursor.execute(_PAST, {
        "ids": pg.int8s(ids), "live": pg.texts(LIVE), "since": now - longest,
        "origins": pg.texts(key.origin for key in wanted), "versions": pg.int4s([key.version for key in wanted]),
        "instances": pg.texts(key.instance for key in wanted), "steps": pg.texts(key.step for key in wanted),
    }).fetchall()  # fmt: skip
    found: dict[int, list[Past]] = defaultdict(list)
    for number, origin, version, instance, step, identifier_id, channel, kind, priority, at, state in rows:
        key = StepKey(origin, version, instance, step)
        found[owner[identifier_id]].append(
            Past(number, key, channel, kind, priority, at, state in LIVE, state in DONE or state == "failed")
        )
    return found


def _contacts(
    cursor: psycopg.Cursor[Any], views: Mapping[int, ProfileView], ids: Sequence[int]
) -> dict[int, dict[str, list[Contact]]]:
    found: dict[int, dict[str, list[Contact]]] = {}
    for view in views.values():
        own: dict[str, list[Contact]] = defaultdict(list)
        for channel, kind in KIND_OF.items():
            for one in _in_order(view, kind):
                own[channel].append(Contact(one.id, digest_of(channel, one.value)))
        own["webhook"] = [Contact(view.id, digest_of("webhook", f"profile:{view.id}"))]
        own["inapp"] = [Contact(view.id, digest_of("inapp", f"profile:{view.id}"))]
        found[view.id] = own
    _add_browsers(found, {one.id: view.id for view in views.values() for one in view.identifiers}, ids)
    return _without_dead(cursor, found, views)


def _in_order(view: ProfileView, kind: str) -> list[Any]:
    """The address that the profile's trait names first, then the ones seen last."""
    named = str(view.traits.get(kind) or "").lower()
    known = [one for one in view.identifiers if one.kind == kind]
    return sorted(known, key=lambda one: (one.value.lower() == named, one.first_seen_at, one.id), reverse=True)


def _add_browsers(
    found: dict[int, dict[str, list[Contact]]], owner: Mapping[int, int], ids: Sequence[int]
) -> None:  # fmt: skip
    rows = PushSubscription.objects.filter(identifier_id__in=ids).order_by("-created_at", "-pk")
    for identifier_id, contact in rows.values_list("identifier_id", "contact"):
        found[owner[identifier_id]]["webpush"].append(Contact(identifier_id, bytes(contact)))


def _without_dead(
    cursor: psycopg.Cursor[Any], found: dict[int, dict[str, list[Contact]]], views: Mapping[int, ProfileView]
) -> dict[int, dict[str, list[Contact]]]:
    every = [one for own in found.values() for known in own.values() for one in known]
    dead = {
        bytes(contact)
        for contact in SuppressedContact.objects.filter(
            contact__in=[one.digest for one in every], lifted_at=None
        ).values_list("contact", flat=True)
    }
    mails = sorted({one.identifier_id for own in found.values() for one in own.get("email", ())})
    status = dict(cursor.execute(_STATUS, {"ids": pg.int8s(mails)}).fetchall())
    return {
        profile_id: {
            channel: [_judged(one, channel, known, dead, status, views[profile_id]) for one in known]
            for channel, known in own.items()
        }
        for profile_id, own in found.items()
    }


def _judged(
    one: Contact, channel: str, known: Sequence[Contact], dead: Collection[bytes], status: Mapping[int, str],
    view: ProfileView,
) -> Contact:  # fmt: skip
    if one.digest in dead:
        return one._replace(refused="suppressed")
    if channel != "email":
        return one
    # Said of the person rather than of the address, it is about the only one there is.
    told = status.get(one.identifier_id) or (view.traits.get("email_status") if len(known) == 1 else None)
    return one._replace(refused=_REFUSED.get(str(told), ""))
