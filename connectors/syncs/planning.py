"""Planning: from the ledger to deliveries, each step in one transaction with the cursor.

A run is one stretch of the ledger, or one comparison of all members with all that was sent. It is counted first; a mass
change stops and waits for a person. Then it is planned in slices, so that a segment of a million needs no memory of a
million; a crash between two slices goes on where the cursor is, or compares again, which plans nothing twice.
"""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import orjson
from django.db import transaction
from django.db.models import F

from common import pg
from connectors.destinations.registry import DESTINATIONS
from connectors.syncs import people, sql
from connectors.syncs.checking import purposes_of
from connectors.syncs.diff import Change, SentRow, Target, diff, needs_approval
from connectors.syncs.drift import Drift
from connectors.syncs.models import Run, Sync, Touched
from connectors.syncs.rendering import Recipe, Rendered, render_people

SLICE = 5_000
_COLUMN = {"add": "added", "update": "changed", "remove": "removed"}


def plan(*, sync_id: int, now: datetime, drift: Drift | None = None) -> int:
    """Plan all that is due for a sync whose turn the caller holds. Answers how many rows were planned.

    `drift` is what was read back from the channel before the full comparison that is due.
    """
    planned = _plan_touched(sync_id=sync_id, now=now)
    while (run := _open_run(sync_id=sync_id, now=now)) is not None:
        if drift is not None and run.kind == Run.Kind.RESYNC:
            Run.objects.filter(pk=run.pk).update(
                forgotten=drift.forgotten, foreign=drift.foreign, read_back_problem=drift.problem
            )
            drift = None
        if run.state == Run.State.NEEDS_APPROVAL:
            break
        planned += _plan_resync(run, now=now) if run.kind == Run.Kind.RESYNC else _plan_changes(run, now=now)
    return planned


def _open_run(*, sync_id: int, now: datetime) -> Run | None:
    """The run that is being planned, or a new one when there is something to plan."""
    run = Run.objects.filter(sync_id=sync_id, state__in=[Run.State.PLANNING, Run.State.NEEDS_APPROVAL]).first()
    if run is not None:
        return run
    sync = Sync.objects.get(pk=sync_id)
    if sync.state != Sync.State.ACTIVE:
        return None
    # The head is read before the changes: what commits in between belongs to the next run.
    head = people.head_seq()
    if sync.resync_wanted:
        return _start(sync, kind=Run.Kind.RESYNC, until_seq=head, now=now)
    if head <= sync.cursor_seq:
        return None
    if people.has_changes(segment_id=sync.segment_id, after_seq=sync.cursor_seq):
        return _start(sync, kind=Run.Kind.CHANGES, until_seq=head, now=now)
    Sync.objects.filter(pk=sync_id).update(cursor_seq=head)
    return None


def _start(sync: Sync, *, kind: str, until_seq: int, now: datetime) -> Run:
    """Count what the run would do, and make it: to be planned, or to be approved first."""
    adds, removes, before = _count(sync, kind=kind, until_seq=until_seq)
    # Whoever was sent as a test before the first fill does not make it a mass change.
    compared = 0 if sync.last_resync_at is None else before
    stop = needs_approval(
        adds=adds, removes=removes, before=compared, percent=sync.guard_percent, rows=sync.guard_rows
    )  # fmt: skip
    return Run.objects.create(
        sync=sync,
        kind=kind,
        state=Run.State.NEEDS_APPROVAL if stop else Run.State.PLANNING,
        from_seq=sync.cursor_seq,
        until_seq=until_seq,
        expected_adds=adds,
        expected_removes=removes,
        sent_before=before,
        started_at=now,
    )


def _count(sync: Sync, *, kind: str, until_seq: int) -> tuple[int, int, int]:
    """People to add, people to remove, people there before (counted only when the guard could have a say)."""
    if kind == Run.Kind.RESYNC:
        wanted = people.members(segment_id=sync.segment_id, at_seq=until_seq)
        there = _sent_profiles(sync.pk)
        return len(np.setdiff1d(wanted, there)), len(np.setdiff1d(there, wanted)), len(there)
    entered, left = people.fold_ledger(segment_id=sync.segment_id, after_seq=sync.cursor_seq, until_seq=until_seq)
    adds = len(entered) - len(_sent_among(sync.pk, entered))
    removes = len(_sent_among(sync.pk, left))
    return adds, removes, len(_sent_profiles(sync.pk)) if max(adds, removes) > sync.guard_rows else 0


def _sent_profiles(sync_id: int) -> people.Int64s:
    return np.sort(sql.int8s(sql.SENT_PROFILES, {"sync": sync_id}))


def _unreached_among(sync_id: int, profile_ids: Sequence[int]) -> set[int]:
    found = sql.rows(sql.UNREACHED_AMONG, {"sync": sync_id, "profiles": pg.int8s(profile_ids)})
    return {row[0] for row in found}


def _sent_among(sync_id: int, ids: people.Int64s | list[int]) -> set[int]:
    return {row[0] for row in sql.rows(sql.SENT_AMONG, {"sync": sync_id, "profiles": pg.int8s(ids)})}


def _plan_changes(run: Run, *, now: datetime) -> int:
    """Plan a run over the ledger, slice by slice, each in one transaction with the cursor."""
    planned, sync = 0, run.sync
    while sync.cursor_seq < run.until_seq:
        stretch = people.read_stretch(
            segment_id=sync.segment_id, after_seq=sync.cursor_seq, until_seq=run.until_seq, limit=SLICE
        )
        planned += plan_slice(sync_id=sync.pk, run_id=run.pk, wanted=stretch.wanted, cursor=stretch.until_seq, now=now)
        sync.cursor_seq = stretch.until_seq
    _planned(run, now=now)
    return planned


def _plan_resync(run: Run, *, now: datetime) -> int:
    """Compare all members with all that was sent. Repeating it after a crash plans only what is still missing."""
    members = people.members(segment_id=run.sync.segment_id, at_seq=run.until_seq)
    gone = np.setdiff1d(_sent_profiles(run.sync_id), members)
    planned = 0
    for ids, is_in in ((gone, False), (members, True)):
        for start in range(0, len(ids), SLICE):
            wanted = dict.fromkeys(ids[start : start + SLICE].tolist(), is_in)
            planned += plan_slice(sync_id=run.sync_id, run_id=run.pk, wanted=wanted, cursor=None, now=now)
    Sync.objects.filter(pk=run.sync_id).update(
        cursor_seq=run.until_seq, resync_wanted=False, last_resync_at=now
    )  # fmt: skip
    _planned(run, now=now)
    return planned


def _planned(run: Run, *, now: datetime) -> None:
    Run.objects.filter(pk=run.pk).update(state=Run.State.SENDING)
    sql.run(sql.FINISH_RUN, {"run": run.pk, "now": now})


def _plan_touched(*, sync_id: int, now: datetime) -> int:
    """Compare again the people of whom something was sent, or could not be sent so far, and who changed since."""
    if not Touched.objects.filter(sync_id=sync_id).exists():
        return 0
    sync = Sync.objects.get(pk=sync_id)
    if sync.state != Sync.State.ACTIVE:
        return 0
    planned = 0
    with transaction.atomic():
        ids = [row[0] for row in sql.rows(sql.TAKE_TOUCHED, {"sync": sync_id, "limit": SLICE})]
        # Members without a row are among those who are told of: now they may give one.
        there = _sent_among(sync_id, ids) | _unreached_among(sync_id, ids)
        known = people.read_people(ids)
        # Only those who still stand: whoever was taken in by another profile leaves by the ledger.
        wanted = {i: i in there for i in ids if i in known and known[i].id == i}
        if _differs(sync, wanted):
            run = Run.objects.create(
                sync=sync, kind=Run.Kind.CHANGES, state=Run.State.SENDING, from_seq=sync.cursor_seq,
                until_seq=sync.cursor_seq, started_at=now,
            )  # fmt: skip
            planned = plan_slice(sync_id=sync_id, run_id=run.pk, wanted=wanted, cursor=None, now=now)
            sql.run(sql.FINISH_RUN, {"run": run.pk, "now": now})
    return planned


def _differs(sync: Sync, wanted: Mapping[int, bool]) -> bool:
    rendered, looked_at, _ = _render(sync, wanted)
    found = diff(wanted=rendered.targets, sent=sent_of(sync.pk, looked_at, rendered.targets), looked_at=looked_at)
    return bool(found.changes or found.moved)


@transaction.atomic
def plan_slice(*, sync_id: int, run_id: int, wanted: Mapping[int, bool], cursor: int | None, now: datetime) -> int:
    """Turn wishes (profile → in or out) into deliveries; the cursor moves in the same transaction."""
    sync = Sync.objects.select_for_update().get(pk=sync_id)
    rendered, looked_at, staying = _render(sync, wanted)
    found = diff(wanted=rendered.targets, sent=sent_of(sync_id, looked_at, rendered.targets), looked_at=looked_at)
    write_deliveries(sync_id, run_id, found.changes, now=now)
    write_sent(sync_id, [c for c in found.changes if c.operation != "remove"], found.moved, now=now)
    removing = [change.identifier_hash for change in found.changes if change.operation == "remove"]
    if removing:
        sql.run(sql.MARK_REMOVING, {"sync": sync_id, "targets": pg.texts(removing), "now": now})
    _note_unreached(sync_id, rendered, looked_at, staying)
    _count_planned(run_id, found.changes, rendered)
    if cursor is not None:
        Sync.objects.filter(pk=sync_id).update(cursor_seq=cursor)
    return len(found.changes)


def _note_unreached(sync_id: int, rendered: Rendered, looked_at: set[int], staying: set[int]) -> None:
    """Remember members who give no row, so that they are looked at again as soon as anything of them changes."""
    unreached = staying - {target.profile_id for target in rendered.targets}
    reached = looked_at - unreached
    sql.run(sql.NOTE_UNREACHED, {
        "sync": sync_id, "unreached": pg.int8s(sorted(unreached)), "reached": pg.int8s(sorted(reached)),
    })  # fmt: skip


def _render(sync: Sync, wanted: Mapping[int, bool]) -> tuple[Rendered, set[int], set[int]]:
    """What is wanted of these people, whom that decides about, and who of them are members.

    Somebody who left because another profile took them in hands their identifiers over: that profile is looked at too,
    though the ledger has nothing new to say of it.
    """
    recipe = recipe_of(sync)
    known = people.read_people(wanted)
    takers = {person.id: person for asked, person in known.items() if person.id != asked and person.id not in wanted}
    members = people.members_among(segment=recipe.segment, profile_ids=takers)
    staying = [known[i] for i, is_in in wanted.items() if is_in and i in known and known[i].id == i]
    staying += [person for person in takers.values() if person.id in members]
    ids = {person.id for person in staying}
    return render_people(staying, recipe), set(wanted) | ids, ids


def recipe_of(sync: Sync) -> Recipe:
    """What is fixed for all people of this sync."""
    return Recipe(
        sync_id=sync.pk,
        identifier_kind=sync.identifier_kind,
        action=DESTINATIONS[sync.destination.kind].actions[sync.action],
        mapping=sync.mapping,
        segment=people.segment_facts(sync.segment_id),
        consent=purposes_of(sync.consent),
        consent_channel=sync.consent_channel,
    )


def sent_of(sync_id: int, profile_ids: set[int], targets: Sequence[Target]) -> list[SentRow]:
    """All that was sent of these profiles, and of these targets."""
    found = sql.rows(
        sql.SENT_OF,
        {
            "sync": sync_id,
            "profiles": pg.int8s(list(profile_ids)),
            "targets": pg.texts(target.identifier_hash for target in targets),
        },
    )
    return [SentRow(row[0], row[1], row[2], row[3], row[4], pg.from_jsonb(row[5]), row[6]) for row in found]


def write_deliveries(sync_id: int, run_id: int, changes: Sequence[Change], *, now: datetime) -> None:
    """One row to send for each change, in their order."""
    if not changes:
        return
    sql.run(
        sql.INSERT_DELIVERIES,
        {
            "sync": sync_id,
            "run": run_id,
            "now": now,
            "profiles": pg.int8s([c.profile_id for c in changes]),
            "targets": pg.texts(c.identifier_hash for c in changes),
            "operations": pg.texts(c.operation for c in changes),
            "payloads": pg.jsonbs(orjson.dumps(c.fields) for c in changes),
            "hashes": pg.texts(c.payload_hash for c in changes),
            "labels": pg.texts(c.label for c in changes),
            "keys": pg.texts(new_key() for _ in changes),
        },
    )


def new_key() -> str:
    """A key that no other delivery has."""
    return f"msg_{secrets.token_hex(16)}"


def write_sent(sync_id: int, sending: Sequence[Change], moved: Sequence[Target], *, now: datetime) -> None:
    everything: list[Change | Target] = [*sending, *moved]
    if not everything:
        return
    sql.run(
        sql.UPSERT_SENT,
        {
            "sync": sync_id,
            "now": now,
            "targets": pg.texts(c.identifier_hash for c in everything),
            "profiles": pg.int8s([c.profile_id for c in everything]),
            "hashes": pg.texts(c.payload_hash for c in everything),
            "removals": pg.jsonbs(orjson.dumps(c.removal) for c in everything),
            "labels": pg.texts(c.label for c in everything),
        },
    )


def _count_planned(run_id: int, changes: Sequence[Change], rendered: Rendered) -> None:
    counts = Counter(_COLUMN[change.operation] for change in changes)
    run = Run.objects.select_for_update().get(pk=run_id)
    reasons = Counter(run.skip_reasons) + rendered.skipped
    Run.objects.filter(pk=run_id).update(
        added=F("added") + counts["added"],
        changed=F("changed") + counts["changed"],
        removed=F("removed") + counts["removed"],
        skipped=F("skipped") + rendered.skipped.total(),
        skip_reasons=dict(reasons),
    )
