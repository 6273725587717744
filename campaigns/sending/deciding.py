"""Whether a message goes to a person, by which channel and when. Pure.

Decided twice by the same rules: when it is asked for, and by the worker that is about to hand it over, because consents
are withdrawn, people are merged and quiet hours begin in between. What is handed over fits the rules at that moment.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campaigns.experiments.assigning import share
from campaigns.sending.contracts import Cap, GroupView, StepKey
from identity.contracts import consented, trait_of

# Channels that neither ring nor need an address.
SILENT = frozenset({"webhook", "inapp"})


class Contact(NamedTuple):
    """A way to reach somebody: the identifier it hangs on, the digest of the address, and why it must not be used."""

    identifier_id: int
    digest: bytes
    refused: str = ""


class Past(NamedTuple):
    """A row of the ledger of the same person. `at` is when it was handed over, or is due to be.

    `live`: it was, or is to be, handed over; `done`: it was, or is on its way."""

    id: int
    key: StepKey
    channel: str
    message_class: str
    priority: int
    at: datetime
    live: bool
    done: bool


@dataclass(slots=True)
class Person:
    """What is known of a person. `contacts` by channel, the best first; `past` grows as decisions are made."""

    profile_id: int
    traits: Mapping[str, Any]
    contacts: Mapping[str, Sequence[Contact]]
    past: list[Past] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all. Hours are minutes of the day; quiet ones that begin and end alike are none."""

    quiet_from: int
    quiet_until: int
    zone: str
    holdout: int
    seed: str
    caps: Sequence[Cap]
    groups: Mapping[str, GroupView]
    channels: Collection[str]


class Wanted(NamedTuple):
    """What is to be decided. `id` is that of its row, or beyond all rows; `contact` restricts to one address."""

    id: int
    key: StepKey
    channels: Sequence[str]
    message_class: str
    purpose: str
    group: str
    priority: int
    not_before: datetime | None
    send_by: datetime | None
    contact: bytes | None = None


class Decision(NamedTuple):
    """`reason` without a `contact` is why not; with one it is why it waits."""

    channel: str
    contact: Contact | None
    due_at: datetime | None
    reason: str


def decide(wanted: Wanted, person: Person, rules: Rules, *, now: datetime) -> Decision:
    """The first channel that may be used, or why the first one may not."""
    first = wanted.channels[0] if wanted.channels else ""
    refusal = _of_the_person(wanted, person, rules, now)
    if refusal:
        return Decision(first, None, None, refusal)
    tried = [_by_channel(wanted, channel, person, rules, now) for channel in wanted.channels]
    return next((one for one in tried if one.contact is not None), tried[0] if tried else _nothing(first))


def _nothing(channel: str) -> Decision:
    return Decision(channel, None, None, "no_channel")


def _of_the_person(wanted: Wanted, person: Person, rules: Rules, now: datetime) -> str:
    if any(_before(one, wanted) for one in person.past if one.key == wanted.key and (one.live or one.done)):
        return "duplicate"
    if wanted.send_by is not None and wanted.send_by < now:
        return "too_late"
    if wanted.message_class == "marketing" and held_out(person.profile_id, rules):
        return "holdout"
    return ""


def held_out(profile_id: int, rules: Rules) -> bool:
    """Whether a person gets no marketing at all, so that its worth can be measured."""
    return share(rules.seed, "holdout", f"profile:{profile_id}") * 100 < rules.holdout


def _before(one: Past, wanted: Wanted) -> bool:
    """Whether a row goes before: it is on its way, or ahead in the queue."""
    return one.id != wanted.id and (one.done or (-one.priority, one.id) < (-wanted.priority, wanted.id))


def _by_channel(wanted: Wanted, channel: str, person: Person, rules: Rules, now: datetime) -> Decision:
    if channel not in rules.channels:
        return _nothing(channel)
    contact, refusal = _contact(wanted, channel, person)
    refusal = refusal or _said(wanted, channel, person.traits, rules.groups)
    if contact is None or refusal:
        return Decision(channel, None, None, refusal or "no_contact_point")
    due = max(now, wanted.not_before or now)
    audible = wanted.message_class == "marketing" and channel not in SILENT
    open_at = after_quiet(due, zone_of(person.traits, rules.zone), rules) if audible else due
    if wanted.send_by is not None and wanted.send_by < open_at:
        return Decision(channel, None, None, "quiet_hours" if open_at > due else "too_late")
    ahead = [one for one in person.past if one.live and _before(one, wanted)]
    if not all(_fits(cap, wanted, channel, ahead, open_at, now) for cap in rules.caps):
        return Decision(channel, None, None, "frequency_cap")
    return Decision(channel, contact, open_at, "quiet_hours" if open_at > due else "")


def _contact(wanted: Wanted, channel: str, person: Person) -> tuple[Contact | None, str]:
    known = person.contacts.get(channel, ())
    if wanted.contact is not None and channel not in SILENT:
        known = [one for one in known if one.digest == wanted.contact]
    usable = next((one for one in known if not one.refused), None)
    if usable is None:
        return None, next((one.refused for one in known), "no_contact_point")
    return usable, ""


def _said(wanted: Wanted, channel: str, traits: Mapping[str, Any], groups: Mapping[str, GroupView]) -> str:
    if wanted.purpose and not consented(traits, wanted.purpose, channel):
        return "no_consent"
    group = groups.get(wanted.group)
    if group is not None and not subscribed(traits, group, channel):
        return "unsubscribed"
    return ""


def subscribed(traits: Mapping[str, Any], group: GroupView, channel: str) -> bool:
    """Whether a person is in a subscription group by a channel: what was said of the channel, else of all."""
    told = traits.get(trait_of(group.key, channel))
    told = traits.get(trait_of(group.key)) if told is None else told
    return told is not False if group.opt_out else told is True


def zone_of(traits: Mapping[str, Any], fallback: str) -> ZoneInfo:
    """The person's zone by the trait `timezone` (a name of the IANA data base), else the fallback."""
    for name in (traits.get("timezone"), fallback):
        try:
            if isinstance(name, str) and name:
                return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


def is_quiet(moment: datetime, zone: ZoneInfo, rules: Rules) -> bool:
    """Whether the clock on the wall says a quiet time. The end belongs to the day."""
    local = moment.astimezone(zone)
    minute, begin, end = local.hour * 60 + local.minute, rules.quiet_from, rules.quiet_until
    return begin <= minute < end if begin <= end else minute >= begin or minute < end


def after_quiet(moment: datetime, zone: ZoneInfo, rules: Rules) -> datetime:
    """The moment itself, or the end of the quiet hours it is in. Where clocks are put back over the end, the quiet
    minutes that come again are waited for too."""
    for _ in range(4):
        if not is_quiet(moment, zone, rules):
            return moment
        moment = _next_end(moment, zone, rules.quiet_until)
    return moment


def _next_end(moment: datetime, zone: ZoneInfo, minute: int) -> datetime:
    local = moment.astimezone(zone)
    for days in (0, 1, 2):
        for fold in (0, 1):
            ends = datetime.combine(
                local.date() + timedelta(days=days), time(minute // 60, minute % 60, fold=fold), zone
            ).astimezone(moment.tzinfo)
            if ends > moment:
                return ends
    return moment + timedelta(days=1)


def _fits(
    cap: Cap, wanted: Wanted, channel: str, ahead: Iterable[Past], at: datetime, now: datetime
) -> bool:  # fmt: skip
    if cap.channel not in ("", channel) or cap.message_class not in ("", wanted.message_class):
        return True
    times = [
        one.at if one.done else max(one.at, now)
        for one in ahead
        if cap.channel in ("", one.channel) and cap.message_class in ("", one.message_class)
    ]
    return fits(times, at, most=cap.most, window=timedelta(hours=cap.hours))


def fits(times: Iterable[datetime], at: datetime, *, most: int, window: timedelta) -> bool:
    """Whether one more at this time leaves at most `most` in every window of this length (begin without end)."""
    near = sorted([at, *(one for one in times if abs(one - at) < window)])
    return not any(near[n + most] - near[n] < window for n in range(len(near) - most))
