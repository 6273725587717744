"""What a provider told of a message after it took it is put into the log, and numbers that are dead are given up.

The address that is called names the send, so that a call that comes before the ledger knows the provider's id is
matched too.
"""

from datetime import datetime

from django.db import transaction

from campaigns.sending import accounts
from campaigns.sending.channels.kit import Account, Misconfigured
from campaigns.sending.models import Send, SendingChannel
from campaigns.sending.preferring import note_happened
from campaigns.sending.statuses import StatusCall, UnsignedStatus, read_status
from campaigns.sending.suppressing import give_up
from campaigns.sending.tokens import read_token, status_url


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
    if not status.became:
        return False
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


def _account(channel: str) -> tuple[str, Account]:
    found = SendingChannel.objects.filter(channel=channel).first()
    if found is None:
        raise UnsignedStatus("The channel is not set up any more.")
    try:
        return found.provider, accounts.account_of(found)[1]
    except Misconfigured as problem:
        raise UnsignedStatus(problem.message) from problem
