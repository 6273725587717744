"""A turn of a channel: claim, render, hand over, settle. No transaction is open while a provider is called.

A worker that is killed before a call has lost nothing: its rows are free when the lease ends. One that is killed during
a call leaves one row of which nobody knows; what follows is said in `channels.kit`.
"""

import json
import logging
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from campaigns.messages.contracts import CannotRender, Rendered
from campaigns.messages.models import TemplateVersion
from campaigns.messages.rendering import render_message
from campaigns.sending import accounts, claiming, settling
from campaigns.sending.channels.kit import (
    BadContact,
    Hand,
    HandingError,
    Letter,
    Misconfigured,
    Outside,
    Provider,
    Rejected,
    Temporary,
)
from campaigns.sending.claiming import Claimed
from campaigns.sending.models import PushSubscription, SendingChannel
from campaigns.sending.pacing import wait_for_place
from campaigns.sending.policies import policy_row
from campaigns.sending.telling import source
from campaigns.sending.tokens import links_of, status_url
from campaigns.sending.tracking import with_clicks, with_pixel
from common import crypto
from common.clock import Ticker
from common.http import AllowList, Http
from common.outside import outside_settings
from identity import selectors as identity
from identity.contracts import IdentifierKey, ProfileView

log = logging.getLogger(__name__)

# Channels that no provider is called for: the message is kept, and fetched.
_KEPT = "inapp"
_MOST_BATCHES = 20

# Which identifiers must not be used, whoever asks; given by those who know.
Suppressed = Callable[[list[IdentifierKey]], set[IdentifierKey]]


def send_due(channel: str, *, now: datetime, suppressed: Suppressed) -> int:
    """Hand over what is due by a channel until there is nothing, it rests, or the turn is long enough; how many."""
    ticker, handed = Ticker(now), 0
    for _ in range(_MOST_BATCHES):
        opened = _opened(channel, ticker)
        if opened is None:
            return handed
        done = _batch(channel, opened, ticker, suppressed)
        handed += done.handed
        if done.over:
            return handed
    return handed


@dataclass(frozen=True, slots=True)
class _Opened:
    """How to hand over, and how many a second."""

    provider: Provider | None
    hand: AbstractContextManager[Hand]
    per_second: float | None

    @property
    def most(self) -> int:
        """How many are worth deciding about at once."""
        if self.per_second is None:
            return claiming.MOST
        return min(claiming.MOST, ceil(self.per_second * claiming.FRESH.total_seconds()))


@dataclass(frozen=True, slots=True)
class _Done:
    """How many were handed over, and whether the turn is over: nothing is due, or it is too soon for more."""

    handed: int
    over: bool


def _opened(channel: str, ticker: Ticker) -> _Opened | None:
    """How to hand over, or None when the channel does not go at present."""
    if channel == _KEPT:
        return _Opened(None, nullcontext(lambda letter: letter.key), None)
    row = SendingChannel.objects.filter(channel=channel).first()
    if row is None or not _goes(channel, ticker()):
        return None
    try:
        provider, account = accounts.account_of(row)
    except Misconfigured as problem:
        SendingChannel.objects.filter(pk=row.pk).update(paused=True, pause_reason=problem.message)
        return None
    return _Opened(provider, _with_http(provider, account, ticker), row.per_second)


@contextmanager
def _with_http(provider: Provider, account: Any, ticker: Ticker) -> Any:
    with (
        Http(allow=AllowList.of(outside_settings().allow)) as http,
        provider.open(account, Outside(http, ticker)) as hand,
    ):
        yield hand


def _batch(channel: str, opened: _Opened, ticker: Ticker, suppressed: Suppressed) -> _Done:
    """One batch."""
    safe = opened.provider is None or opened.provider.repeats_are_safe
    claiming.free_abandoned(channel, repeats_are_safe=safe, now=ticker())
    token, at = uuid.uuid4(), ticker()
    rows = claiming.claim(channel, token=token, now=at, most=opened.most)
    if rows is None:
        return _Done(0, over=True)
    desk = _Desk(rows, suppressed, now=at)
    handed, over = 0, False
    try:
        with opened.hand as hand:
            for row in rows:
                if not wait_for_place(channel, opened.per_second):
                    over = True
                    break
                if ticker() - at > claiming.FRESH:
                    break
                if claiming.begin(row.id, token=token, now=ticker()):
                    handed += _one(row, desk, hand, token, ticker, safe=safe)
                elif not _goes(channel, ticker()):
                    break
    except Misconfigured as problem:
        SendingChannel.objects.filter(channel=channel).update(paused=True, pause_reason=problem.message)
    finally:
        claiming.release(token)
    return _Done(handed, over)


def _goes(channel: str, now: datetime) -> bool:
    row = SendingChannel.objects.filter(channel=channel).only("paused", "rest_until").first()
    return channel == _KEPT or (
        row is not None and not row.paused and (row.rest_until is None or row.rest_until <= now)
    )


def _one(row: Claimed, desk: "_Desk", hand: Hand, token: uuid.UUID, ticker: Ticker, *, safe: bool) -> bool:
    """One message of which is noted that it begins, to the verdict."""
    identifier = desk.identifier(row)
    try:
        letter = desk.letter(row)
        provider_id = hand(letter)
    except HandingError as problem:
        settling.settle_problem(row, problem, identifier, desk.source, token=token, now=ticker(), safe=safe)
        return False
    except Exception as error:
        # Whatever a provider's code does, the others go on. A foreign message may quote the person: only its type.
        log.exception("handing over send %s by %s failed", row.id, row.channel)
        broken = Temporary(f"The channel's code failed ({type(error).__name__}); the worker's log says more.")
        settling.settle_problem(row, broken, identifier, desk.source, token=token, now=ticker(), safe=safe)
        return False
    content = json.dumps(dict(letter.fields)) if row.channel == _KEPT else None
    return settling.settle_sent(
        row, provider_id, identifier, desk.source, token=token, now=ticker(), content=content
    )  # fmt: skip


class _Desk:
    """What is needed to write the letters of a batch, read at once."""

    def __init__(self, rows: list[Claimed], suppressed: Suppressed, *, now: datetime) -> None:
        self._people = identity.profiles_by_id({row.identifier_id for row in rows})
        self._keys = identity.identifiers_named({row.identifier_id for row in rows})
        self._suppressed = suppressed(sorted(set(self._keys.values())))
        wanted = {(row.template_id, row.template_version) for row in rows}
        found = TemplateVersion.objects.filter(template_id__in={one for one, _ in wanted})
        self._versions = {
            (one.template_id, one.number): one for one in found if (one.template_id, one.number) in wanted
        }  # fmt: skip
        contacts = [row.contact for row in rows if row.channel == "webpush"]
        self._browsers = {
            bytes(one.contact): one.secret for one in PushSubscription.objects.filter(contact__in=contacts)
        }  # fmt: skip
        # Of what a message tells as events; asked for once, and not for each of them.
        self.source = source(now=now)
        policy = policy_row(now=now)
        self._clicks, self._opens = policy.track_clicks, policy.track_opens

    def identifier(self, row: Claimed) -> IdentifierKey:
        """On what the events of a row hang. Somebody erased meanwhile has none."""
        return self._keys.get(row.identifier_id, IdentifierKey("anonymous_id", f"erased-{row.id}"))

    def letter(self, row: Claimed) -> Letter:
        """The message as it goes out. Raises Rejected when it cannot be written."""
        person, key = self._people.get(row.identifier_id), self._keys.get(row.identifier_id)
        if person is None or key is None:
            raise Rejected("The person is gone.")
        if key in self._suppressed:
            raise Rejected("The identifier is on the suppression list.")
        rendered, links = self._rendered(row, person)
        fields = dict(rendered.fields)
        if row.channel == "email" and self._clicks:
            fields["body"] = with_clicks(fields["body"], row.id)
        if row.channel == "email" and self._opens and row.message_class == "marketing":
            fields["body"] = with_pixel(fields["body"], row.id)
        return Letter(
            row.idempotency_key, row.channel, self._address(row, key), fields, rendered.language,
            row.message_class == "marketing", links["unsubscribe_url"], row.key.origin, status_url(row.id),
        )  # fmt: skip

    def _rendered(self, row: Claimed, person: ProfileView) -> tuple[Rendered, dict[str, str]]:
        version, links = self._versions.get((row.template_id, row.template_version)), links_of(row.id)
        if version is None:
            raise Rejected("The template was deleted.")
        try:
            return render_message(
                version.contents, row.channel, fallback=version.language, traits=person.traits,
                variables=row.variables, defaults=version.defaults, links=links,
            ), links  # fmt: skip
        except CannotRender as problem:
            raise Rejected(f"The template cannot be rendered: {problem}") from problem

    def _address(self, row: Claimed, key: IdentifierKey) -> str:
        if row.channel != "webpush":
            return key.value
        secret = self._browsers.get(row.contact)
        if secret is None:
            raise BadContact("The browser has ended its subscription.", reason="gone")
        return crypto.decrypt(secret)
