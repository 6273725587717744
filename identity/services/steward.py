"""The steward's door: merge, split, assert, retract, decide a review, undo. Each is one transaction with its audit."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol

import psycopg
from django.db import transaction

from common import audit, pg, turns
from identity import graph
from identity.contracts import Outcome
from identity.models import Decision, ReviewPair
from identity.policy import Policy
from identity.services import regroup, statements
from identity.services.effects import Effects, ordered
from identity.services.policies import load_policy
from identity.services.settle import After, Settled, load_identifiers, run_after, settle

# Stewards keep no caches, so all of them may share one name; it only must differ from that of an applier.
HOLDER = "steward"


class Refused(Exception):
    """The act may not be: nothing is written, the reason is for the person who asked."""


class _Act(Protocol):
    def __call__(self, desk: "_Desk") -> None: ...


class _Desk:
    """What an act works with: the cursor, the policy, the effects it records, and the profiles it is about."""

    def __init__(self, cursor: psycopg.Cursor[Any], *, by: str, reason: str, now: datetime) -> None:
        self.cursor = cursor
        self.now = now
        self.policy: Policy = load_policy(cursor)[1]
        self.effects = Effects(cursor, by, reason, now)
        self.profile_ids: set[int] = set()
        # Pairs of identifiers that must be together, or apart, when all is recomputed.
        self.together: list[graph.Pair] = []
        self.apart: list[graph.Pair] = []
        self.extra: dict[str, Any] = {}

    def identifiers(self, *ids: int) -> list[regroup.Member]:
        """The identifiers with these ids; a missing one is a refusal."""
        found = load_identifiers(self.cursor, ids)
        missing = [str(i) for i in ids if i not in found]
        if missing:
            raise Refused(f"There is no identifier {', '.join(missing)}.")
        return [found[i] for i in ids]

    def profile_members(self, *profile_ids: int) -> list[regroup.Member]:
        """All identifiers of these profiles."""
        rows = self.cursor.execute(statements.MEMBERS_OF_PROFILES, {"profiles": pg.int8s(profile_ids)}).fetchall()
        return [regroup.Member._make((*row, True)) for row in rows]

    def links_within(self, ids: Collection[int]) -> list[tuple[int, int, int]]:
        """The active links among these identifiers."""
        return list(self.cursor.execute(statements.LINKS_WITHIN, {"ids": pg.int8s(sorted(ids))}))


def _perform(
    act: _Act, *, kind: str, by: str, reason: str, now: datetime, after: After | None, undoes: int | None = None
) -> Outcome:
    """Run an act in one transaction: turn, act, recomputation, checks, decision, audit, then the caller's hook."""
    try:
        with transaction.atomic():
            conn = pg.raw()
            turns.take(conn, HOLDER)
            desk = _Desk(psycopg.Cursor(conn), by=by, reason=reason, now=now)
            act(desk)
            settled = settle(desk.cursor, desk.effects.touched(), policy=desk.policy, now=now)
            profile_ids = _check(desk)
            decision_id = undoes or _record(desk, settled, kind)
            run_after(after, conn, settled)
    except Refused as refusal:
        return Outcome(done=False, refusal=str(refusal))
    return Outcome(
        done=True,
        decision_id=decision_id,
        profile_ids=tuple(sorted(profile_ids)),
        moved=settled.moved,
        created=settled.created,
        retired=settled.retired,
        traits_changed=settled.traits_changed,
    )


def _check(desk: _Desk) -> set[int]:
    """See that what the act promised is so; answers the profiles of everybody it touched."""
    ids = {end for pair in [*desk.together, *desk.apart] for end in pair} | desk.effects.touched()
    profile = {member.id: member.profile for member in load_identifiers(desk.cursor, ids).values()}
    for a, b in desk.together:
        if profile[a] != profile[b]:
            raise Refused(_refusal_sentence(desk.cursor, a, b))
    if any(profile[a] == profile[b] for a, b in desk.apart):
        raise Refused("Other links still hold them together.")
    return set(profile.values())


def _refusal_sentence(cursor: psycopg.Cursor[Any], a: int, b: int) -> str:
    low, high = ordered(a, b)
    row = cursor.execute(statements.REFUSAL_OF, {"a": low, "b": high}).fetchone()
    return graph.refusal_sentence(*row) if row else "The policy keeps them apart."


def _record(desk: _Desk, settled: Settled, kind: str) -> int:
    effects = desk.effects
    profile_ids = desk.profile_ids | {move.from_profile for move in settled.moved}
    profile_ids |= {move.to_profile for move in settled.moved}
    decision = Decision.objects.create(
        kind=kind,
        profile_ids=sorted(profile_ids),
        by=effects.by,
        reason=effects.reason,
        made_at=desk.now,
        effects=effects.to_json() | desk.extra,
    )
    audit.record(
        actor=effects.by,
        action=f"identity.{kind}",
        object_type="profile",
        object_id=min(profile_ids, default=0),
        summary=f"{kind} of {', '.join(str(p) for p in sorted(profile_ids))}",
        before={"profiles": sorted({move.from_profile for move in settled.moved})},
        after={"profiles": sorted({move.to_profile for move in settled.moved}), "decision": decision.pk},
        reason=effects.reason,
        at=desk.now,
    )
    return int(decision.pk)


def merge(
    a_profile: int, b_profile: int, *, by: str, reason: str, now: datetime, after: After | None = None
) -> Outcome:
    """Say that two profiles are one person. Retired ids are followed; the older person-level id stays.

    Asserts a link between the founding identifiers and lifts bans between the two. Refuses, writing nothing, when a
    limit of the policy forbids it. Undone exactly by `undo_decision`.
    """

    def act(desk: _Desk) -> None:
        a, b = (member.profile for member in desk.identifiers(a_profile, b_profile))
        if a == b:
            raise Refused("They are one profile already.")
        desk.profile_ids = {a, b}
        left = pg.int8s([m.id for m in desk.profile_members(a)])
        right = pg.int8s([m.id for m in desk.profile_members(b)])
        desk.effects.unban(desk.cursor.execute(statements.BANS_BETWEEN, {"left": left, "right": right}).fetchall())
        desk.effects.assert_links([ordered(a, b)])
        desk.together = [ordered(a, b)]

    return _perform(act, kind=Decision.Kind.MERGE, by=by, reason=reason, now=now, after=after)


def split(
    profile_id: int,
    identifier_ids: Collection[int],
    *,
    by: str,
    reason: str,
    now: datetime,
    after: After | None = None,
) -> Outcome:
    """Take identifiers out of a profile into one of their own.

    Links across the cut are retracted and the two halves banned from each other. Parts that only the cut links held
    together are held by an asserted link, so that two profiles come out, not five.
    """

    def act(desk: _Desk) -> None:
        (named,) = desk.identifiers(profile_id)
        members = desk.profile_members(named.profile)
        taken = [m for m in members if m.id in set(identifier_ids)]
        rest = [m for m in members if m.id not in set(identifier_ids)]
        if len(taken) != len(set(identifier_ids)) or not taken or not rest:
            raise Refused("Choose some, not all, of this profile's identifiers.")
        desk.profile_ids = {named.profile}
        inside = {m.id for m in taken}
        strands = desk.links_within([m.id for m in members])
        desk.effects.retract_links([s for s in strands if (s[0] in inside) != (s[1] in inside)])
        for half in (taken, rest):
            desk.effects.assert_links(_holding_links(half, strands, desk.policy))
        pair = ordered(_founder(taken, desk.policy), _founder(rest, desk.policy))
        desk.effects.ban([pair])
        desk.apart = [pair]
        desk.together = [ordered(half[0].id, m.id) for half in (taken, rest) for m in half[1:]]

    return _perform(act, kind=Decision.Kind.SPLIT, by=by, reason=reason, now=now, after=after)


def _founder(members: Collection[regroup.Member], policy: Policy) -> int:
    known = {m.id: graph.Identifier(m.id, m.kind, m.value) for m in members}
    return graph.founder(known, known, policy)


def _holding_links(
    half: Collection[regroup.Member], strands: Collection[tuple[int, int, int]], policy: Policy
) -> list[graph.Pair]:
    """The links that hold the parts of one half together: from its founder to each part that has no path to it."""
    inside = {m.id for m in half}
    sets = graph.DisjointSets(inside)
    for a, b, _ in strands:
        if a in inside and b in inside and sets.find(a) != sets.find(b):
            sets.join(sets.find(a), sets.find(b))
    parts: dict[int, list[regroup.Member]] = {}
    for member in half:
        parts.setdefault(sets.find(member.id), []).append(member)
    centre = _founder(half, policy)
    heads = (_founder(part, policy) for part in parts.values())
    return [ordered(centre, head) for head in heads if sets.find(head) != sets.find(centre)]


def assert_link(a_id: int, b_id: int, *, by: str, reason: str, now: datetime, after: After | None = None) -> Outcome:
    """Assert that two identifiers are one person, and recompute their component.

    Idempotent: linking twice is one link. Reversible with `retract_link` or `undo_decision`. Refuses, writing
    nothing, when the policy or a ban forbids it.
    """

    def act(desk: _Desk) -> None:
        a, b = desk.identifiers(a_id, b_id)
        if a.id == b.id:
            raise Refused("An identifier is itself already.")
        desk.profile_ids = {a.profile, b.profile}
        desk.effects.assert_links([ordered(a.id, b.id)])
        desk.together = [ordered(a.id, b.id)]

    return _perform(act, kind=Decision.Kind.ASSERT, by=by, reason=reason, now=now, after=after)


def retract_link(a_id: int, b_id: int, *, by: str, reason: str, now: datetime, after: After | None = None) -> Outcome:
    """Take back every link between two identifiers. The same evidence does not bring it again."""

    def act(desk: _Desk) -> None:
        a, b = desk.identifiers(a_id, b_id)
        desk.profile_ids = {a.profile, b.profile}
        strands = desk.links_within([a.id, b.id])
        if not strands:
            raise Refused("There is no link between them.")
        desk.effects.retract_links(strands)

    return _perform(act, kind=Decision.Kind.RETRACT, by=by, reason=reason, now=now, after=after)


def decide_review(
    pair_id: int, verdict: str, *, by: str, now: datetime, reason: str = "", after: After | None = None
) -> Outcome:
    """Settle a pair of the review queue: `match` links it, `no_match` bans it, `unsure` only says so."""
    if verdict not in (ReviewPair.State.MATCH, ReviewPair.State.NO_MATCH, ReviewPair.State.UNSURE):
        raise ValueError(f"a verdict is match, no_match or unsure, not {verdict!r}")

    def act(desk: _Desk) -> None:
        pair = ReviewPair.objects.select_for_update().filter(pk=pair_id).first()
        if pair is None:
            raise Refused("There is no such pair.")
        a, b = desk.identifiers(pair.a, pair.b)
        desk.profile_ids = {a.profile, b.profile}
        desk.effects.reason = reason or verdict
        desk.extra = {"review": pair.pk, "verdict": verdict, "state_before": pair.state}
        if verdict == ReviewPair.State.MATCH:
            desk.effects.assert_links([(pair.a, pair.b)], basis="review")
            desk.together = [(pair.a, pair.b)]
        elif verdict == ReviewPair.State.NO_MATCH:
            desk.effects.ban([(pair.a, pair.b)])
        pair.state, pair.decided_by, pair.decided_at = verdict, by, now
        pair.save(update_fields=["state", "decided_by", "decided_at"])

    return _perform(act, kind=Decision.Kind.REVIEW, by=by, reason=reason, now=now, after=after)


def undo_decision(decision_id: int, *, by: str, now: datetime, after: After | None = None) -> Outcome:
    """Put back exactly what a decision changed. Evidence that came since stays."""

    def act(desk: _Desk) -> None:
        decision = Decision.objects.select_for_update().filter(pk=decision_id).first()
        if decision is None or decision.undone_at is not None:
            raise Refused("There is no such decision, or it was undone already.")
        desk.effects.reason = f"undo of decision {decision_id}"
        desk.effects.revert(decision.effects)
        if "review" in decision.effects:
            ReviewPair.objects.filter(pk=decision.effects["review"]).update(
                state=decision.effects["state_before"], decided_by="", decided_at=None
            )
        decision.undone_at, decision.undone_by = now, by
        decision.save(update_fields=["undone_at", "undone_by"])
        audit.record(
            actor=by, action="identity.undo", object_type="decision", object_id=decision_id,
            summary=f"undid {decision.kind} of {', '.join(map(str, decision.profile_ids))}", at=now,
        )  # fmt: skip

    return _perform(act, kind="undo", by=by, reason="", now=now, after=after, undoes=decision_id)
