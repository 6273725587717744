"""The stage of the pipeline that looks at how items came: robots, addresses, and what the request told."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import psycopg

from connectors.sources import visitors
from connectors.sources.contracts import IpKept, Robots
from events.services import Batch

_HANDLING = "select id, ip_kept, fill_in, robots from connectors_source"


@dataclass(frozen=True, slots=True)
class _Handling:
    ip_kept: IpKept
    fill_in: bool
    robots: Robots


_AS_SENT = _Handling(IpKept.FULL, False, Robots.ALLOW)


@dataclass(frozen=True, slots=True)
class Arrived:
    """The items that go on, and by source how many of robots were dropped."""

    batch: Batch
    robots: Counter[int]


def arrive(conn: psycopg.Connection[Any], batch: Batch) -> Arrived:
    """Drop or mark what robots sent, keep addresses only where it is asked for, and fill in what is missing, as each
    source says. One statement a batch; a source that keeps all as it was sent costs no more."""
    handling = {
        row[0]: _Handling(IpKept(row[1]), row[2], Robots(row[3]))
        for row in psycopg.Cursor(conn).execute(_HANDLING).fetchall()
    }
    handling = {source: how for source, how in handling.items() if how != _AS_SENT}
    if handling.keys().isdisjoint(batch.source_ids):
        return Arrived(batch, Counter())
    items, contexts, ips = list(batch.items), list(batch.contexts), list(batch.client_ips)
    dropped: list[int] = []
    for place, source in enumerate(batch.source_ids):
        how = handling.get(source)
        if how is None:
            continue
        context, received = contexts[place], batch.received[place]
        agent = visitors.user_agent(context, received)
        robot = visitors.robot_of(context, agent) if how.robots != Robots.ALLOW else ""
        if robot and how.robots == Robots.DROP:
            dropped.append(place)
            continue
        ips[place] = visitors.address_kept(ips[place], how.ip_kept)
        context = visitors.with_address_kept(context, how.ip_kept)
        if context is not contexts[place]:
            # An item that is put into the quarantine is kept whole, but for this.
            items[place] = msgspec.structs.replace(items[place], context=msgspec.Raw(context))
        if how.fill_in:
            context = visitors.filled_in(context, agent, received)
        contexts[place] = visitors.with_robot(context, robot) if robot else context
    kept = replace(batch, items=items, contexts=contexts, client_ips=ips)
    if dropped:
        gone = set(dropped)
        kept = kept.only([place for place in range(len(batch)) if place not in gone])
    return Arrived(kept, Counter(batch.source_ids[place] for place in dropped))
