"""Drift: what a channel forgot, or has of somebody else, found by reading back who is there.

Channels lose members: a list is emptied by hand, a person is deleted, an import is rolled back. Before a full
comparison the channel is asked; whom it forgot is then sent again as if never sent. The caller has the sync's turn, so
nothing is being delivered meanwhile. No transaction is open while the channel is asked.
"""

import hashlib
import json
import logging
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from common import crypto, pg
from common.http import AllowList, Http
from common.outside import OutsideSettings
from connectors.destinations.errors import DeliveryError
from connectors.destinations.kit import ListingAction, Outside
from connectors.destinations.models import Destination
from connectors.destinations.registry import DESTINATIONS
from connectors.syncs import sql
from connectors.syncs.delivering import account_of
from connectors.syncs.models import Sync

logger = logging.getLogger(__name__)

_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Drift:
    """How many the channel forgot, how many it has that this sync did not send, and why it could not be asked."""

    forgotten: int = 0
    foreign: int = 0
    problem: str = ""


def find_drift(*, sync_id: int, outside: OutsideSettings, now: datetime) -> Drift | None:
    """Ask the channel who is there and forget that we sent whoever is not; None when it cannot tell.

    Only rows that the channel confirmed and that have nothing on the way are judged. In memory is one number for each
    member, whatever the size of the list.
    """
    sync = Sync.objects.select_related("destination").get(pk=sync_id)
    action = DESTINATIONS[sync.destination.kind].actions[sync.action]
    if not isinstance(action, ListingAction) or sync.destination.state != Destination.State.ACTIVE:
        return None
    rest = sync.destination.rest_until
    if rest is not None and rest > now:
        return Drift(problem="It asked for a rest, so it was not asked who is there.")
    with Http(allow=AllowList.of(outside.allow)) as http:
        where = Outside(http=http, drop_folder=outside.drop_folder, now=now, mapping=sync.mapping)
        try:
            there = _numbers(action.read_back(where, account_of(sync.destination)))
        except (DeliveryError, crypto.CannotDecrypt) as problem:
            return Drift(problem=str(problem)[:1000])
        except Exception as error:
            # Whatever a destination's code makes of an answer, the comparison goes on. The message may quote a person.
            place = "".join(traceback.format_tb(error.__traceback__))
            logger.error("Reading back from %s failed with %s:\n%s", sync.destination.kind, type(error).__name__, place)
            return Drift(problem=f"The destination's code failed ({type(error).__name__}).")
    return _judge(sync_id, action, there, now=now)


def _judge(sync_id: int, action: ListingAction, there: npt.NDArray[np.int64], *, now: datetime) -> Drift:
    after, forgotten, ours = 0, 0, 0
    while True:
        rows = sql.rows(sql.CONFIRMED, {"sync": sync_id, "after": after, "limit": _PAGE})
        members = _numbers((action.member(json.loads(row[1])) for row in rows), keep_order=True)
        known = np.isin(members, there)
        ours += int(known.sum())
        missing = [row[0] for row, is_there in zip(rows, known.tolist(), strict=True) if not is_there and row[2]]
        if missing:
            forgotten += sql.run(sql.FORGOTTEN, {"ids": pg.int8s(missing), "now": now})
        if len(rows) < _PAGE:
            return Drift(forgotten, max(0, len(there) - ours))
        after = rows[-1][0]


def _numbers(names: Iterable[str], *, keep_order: bool = False) -> npt.NDArray[np.int64]:
    """64 bits of each name: enough to tell the members of a list apart."""
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    found = np.fromiter((int.from_bytes(one, "big", signed=True) for one in digests), dtype=np.int64)
    return found if keep_order else np.unique(found)
