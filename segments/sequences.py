"""Sequences of events, by the minute: for one profile in plain Python, for many with numpy. Pure.

For each first event the earliest possible end is found by taking each next step as soon as it comes: no other choice
ends sooner or lets fewer events in between. Two events of one minute may be in either order, so the next step may come
in the same minute; but an event does not follow itself, so a step with the same event name comes later.
"""

from collections.abc import Sequence as Many
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segments.rules import Sequence
from segments.windows import NEVER

Ints = npt.NDArray[np.int64]


class Happened(NamedTuple):
    """The events of one step: owner by owner, in order of their minutes."""

    owner: Ints
    minute: Ints


NOTHING = Happened(np.empty(0, np.int64), np.empty(0, np.int64))


def starts_of(leaf: Sequence, minutes: Many[Many[int]], *, now_minute: int) -> list[int]:
    """The first minutes of one profile's complete sequences; `minutes` of each step and then of each of `without`."""
    steps = [sorted(one) for one in minutes[: len(leaf.steps)]]
    between = sorted(minute for one in minutes[len(leaf.steps) :] for minute in one)
    since = leaf.within.since(now_minute)
    return [start for start in steps[0] if start >= since and _completes(leaf, steps, between, start)]


def _completes(leaf: Sequence, steps: Many[Many[int]], between: Many[int], start: int) -> bool:
    end = start
    for later, events in zip(_waits(leaf), steps[1:], strict=True):
        following = [minute for minute in events if minute >= end + later]
        if not following:
            return False
        end = following[0]
    if leaf.span is not None and end - start > leaf.span.minutes:
        return False
    return not any(start <= minute <= end for minute in between)


def _waits(leaf: Sequence) -> list[int]:
    """For each step after the first: 1 when it must come in a later minute than the one before."""
    return [int(a.event == b.event) for a, b in zip(leaf.steps[:-1], leaf.steps[1:], strict=True)]


def complete(leaf: Sequence, happened: Many[Happened], *, now_minute: int) -> Happened:
    """The first events of complete sequences of many profiles, in order; `happened` of each step, then of `without`."""
    steps, without = happened[: len(leaf.steps)], happened[len(leaf.steps) :]
    ends = steps[-1].minute
    for place in range(len(steps) - 2, -1, -1):
        ends = _next(steps[place], steps[place + 1], ends, later=_waits(leaf)[place])
    first = steps[0]
    good = (ends < NEVER) & (first.minute >= leaf.within.since(now_minute))
    if leaf.span is not None:
        good &= ends - first.minute <= leaf.span.minutes
    for one in without:
        good &= _next(first, one, one.minute, later=0) > ends
    return Happened(first.owner[good], first.minute[good])


def _next(events: Happened, following: Happened, values: Ints, *, later: int) -> Ints:
    """For each event what `values` has at the next one of `following`, NEVER when there is none."""
    if not len(following.owner):
        return np.full(len(events.owner), NEVER, dtype=np.int64)
    wanted = (events.owner << 32) | (events.minute + later)
    place = np.searchsorted((following.owner << 32) | following.minute, wanted)
    inside = np.minimum(place, len(following.owner) - 1)
    found = (place < len(following.owner)) & (following.owner[inside] == events.owner)
    return np.where(found, values[inside], NEVER)


def sequence_sql(leaf: Sequence, conditions: Many[str], *, names: str, since: str, minute: str, only: str) -> str:
    """`select profile_id` of those with a complete sequence, over the log.

    `conditions` of each step and then of each of `without`, on an event `e`; `names` and `since` are bound parameters,
    `only` a further condition on the member `m`, or nothing.
    """
    flags = ", ".join(f"({condition}) as f{place}" for place, condition in enumerate(conditions))
    found = (
        f"select m.profile_id, {minute.format('e.occurred_at')}::bigint as minute, {flags}"
        " from events_event e join identity_member m on m.identifier_id = e.identifier_id"
        f" where e.name = any({names}) and e.occurred_at >= {since}{only}"
    )
    last = len(leaf.steps) - 1
    found = f"select *, case when f{last} then minute end as e{last} from ({found}) s"
    for place in range(last - 1, -1, -1):
        following = _over(f"e{place + 1}", _waits(leaf)[place])
        found = f"select *, case when f{place} then {following} end as e{place} from ({found}) s"
    between = " or ".join(f"f{place}" for place in range(last + 1, len(conditions)))
    if between:
        found = f"select *, {_over(f'case when {between} then minute end', 0)} as w from ({found}) s"
    parts = ["f0", "e0 is not null", *([f"e0 - minute <= {leaf.span.minutes}"] if leaf.span else [])]
    parts += ["(w is null or w > e0)"] if between else []
    return f"select distinct profile_id from ({found}) s where {' and '.join(parts)}"


def _over(value: str, later: int) -> str:
    frame = f"range between {later} following and unbounded following"
    return f"min({value}) over (partition by profile_id order by minute {frame})"
