"""What a provider told of a message after it took it is put into the log, and numbers that are dead are given up.

The address that is called names the send, so that a call that comes before the ledger knows the provider's id is
matched too. Who tells of a message has it: a try without an answer is settled by that.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from campaigns.sending import accounts
from campaigns.sending.channels.kit import Account, Misconfigured
from campaigns.sending.models import Send, SendingChannel
from campaigns.sending.preferring import about, note_happened
from campaigns.sending.statuses import StatusCall, UnsignedStatus, read_status
from campaigns.sending.suppressing import give_up
from campaigns.sending.telling import Told, tell
from campaigns.sending.tokens import read_token, status_url
from common import pg
from identity import selectors as identity

# Of which nobody knew, or which wait to be tried once more; what a person put back into the queue was not tried yet.
# What is being handed over keeps its worker: if that gets no answer, it finds the provider's id. Kept in step with the
# index `send_doubtful`.
_TAKEN = """
update campaigns_send s set
    state = case s.state when 'handing' then 'handing' else 'sent' end, provider_id = left(t.provider_id, 200),
    error = '', variables = case s.state when 'handing' then s.variables else '{}' end,
    handed_at = coalesce(s.handed_at, %(now)s), settled_at = case s.state when 'handing' then null else %(now)s end
from (select distinct on (key) key::uuid, provider_id from unnest(%(keys)s, %(provider_ids)s) as u (key, provider_id)) t
where s.key = t.key and s.provider_id = ''
  and (s.state in ('unknown', 'handing') or s.state = 'queued' and s.attempts > 0)
returning s.id
"""
# A Message-ID of ours begins with the key of its send.
_OURS = re.compile(r"<?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:@|$)")


@transaction.atomic
def take_status(token: str, call: StatusCall, *, now: datetime) -> bool | None:
    """Whether something was told; None for a send that is not known. Raises UnsignedStatus."""
    send_id = read_token(token, "status")
    row = Send.objects.filter(pk=send_id).first() if send_id is not None else None
    if row is None or send_id is None:
        return None
    provider, account = _account(row.channel)
    status = read_status(provider, call, status_url(send_id), account)
    if row.provider_id and row.provider_id != status.provider_id:
        return None
    taken = _settle_taken({str(row.key): status.provider_id}, now=now) if status.provider_id else 0
    if not status.became:
        return taken > 0
    if status.became == "delivered":
        return note_happened(row, "delivered", {}, "", now=now)
    stopped = status.became == "stopped"
    if stopped or status.became == "bounced":
        give_up(
            bytes(row.contact), row.channel, "unsubscribed" if stopped else "bounced", handed_at=row.handed_at, now=now
        )  # fmt: skip
    more = {"reason": status.reason}
    told = note_happened(row, "failed" if stopped else status.became, more, "", now=now)
    return (note_happened(row, "unsubscribed", more, "", now=now) or told) if stopped else told


@transaction.atomic
def take_mails(told: Mapping[str, str], *, now: datetime) -> int:
    """An e-mail provider told of messages, by the marks that they went out with (see `channels.mail`), each with its
    own id of it; answers of how many nobody had known."""
    keys = {found[1]: provider_id for mark, provider_id in told.items() if (found := _OURS.match(mark))}
    return _settle_taken(keys, now=now) if keys else 0


def _settle_taken(provider_ids: Mapping[str, str], *, now: datetime) -> int:
    """What was taken after all, by the keys of the sends; told as any other that is sent."""
    given = {"keys": pg.texts(provider_ids.keys()), "provider_ids": pg.texts(provider_ids.values()), "now": now}
    ids = [row[0] for row in pg.cursor().execute(_TAKEN, given).fetchall()]
    if not ids:
        return 0
    rows = list(Send.objects.filter(pk__in=ids))
    people = identity.identifiers_named([row.identifier_id for row in rows])
    tell([
        Told("sent", row.pk, str(row.key), people[row.identifier_id], row.channel, about(row))
        for row in rows if row.identifier_id in people
    ], now=now)  # fmt: skip
    return len(ids)


def _account(channel: str) -> tuple[str, Account]:
    found = SendingChannel.objects.filter(channel=channel).first()
    if found is None:
        raise UnsignedStatus("The channel is not set up any more.")
    try:
        return found.provider, accounts.account_of(found)[1]
    except Misconfigured as problem:
        raise UnsignedStatus(problem.message) from problem
