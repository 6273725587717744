"""What somebody gets of an experiment. Whoever asks while a page loads keeps the experiments (`Live`) and asks the log
only what this person saw."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from campaigns.contracts import Assignment, ExperimentView
from campaigns.experiments import exposing
from campaigns.experiments.assigning import takes_part, variant_of
from campaigns.experiments.models import Experiment
from campaigns.experiments.selectors import view
from segments import selectors as segments

HELD_OUT = "held_out"


class Live(msgspec.Struct, frozen=True):
    """An experiment with what its draws are made from and the source of its exposures."""

    view: ExperimentView
    seed: str
    source_id: int


def live(slugs: Sequence[str]) -> dict[str, Live]:
    """Those of these slugs that there are."""
    return {row.slug: _live(row) for row in Experiment.objects.filter(slug__in=slugs)} if slugs else {}


def running_holdouts() -> list[Live]:
    """The holdouts that run, the oldest first."""
    rows = Experiment.objects.filter(kind=Experiment.Kind.HOLDOUT, state=Experiment.State.RUNNING)
    return [_live(row) for row in rows.order_by("pk")]


def decide(
    experiment: ExperimentView, *, profile_id: int | None, kind: str, value: str, expose: bool, now: datetime
) -> Assignment:  # fmt: skip
    """`assign`, and with `expose` say in the log that the variant was seen: once a day, however often it is asked."""
    one = Live(experiment, *_draws(experiment))
    return decide_live(one, None, profile_id=profile_id, kind=kind, value=value, expose=expose, now=now)


def decide_live(
    one: Live, holdouts: Sequence[Live] | None, *, profile_id: int | None, kind: str, value: str, expose: bool,
    now: datetime,
) -> Assignment:  # fmt: skip
    """`decide` of an experiment and holdouts that are known; None: holdouts are read when they matter."""
    found = assign(one.view, seed=one.seed, profile_id=profile_id, key=f"{kind}:{value}")
    if found.reason == "assigned" and one.view.kind == "test" and held_out(
        running_holdouts() if holdouts is None else holdouts, profile_id=profile_id, kind=kind, value=value,
        expose=expose, now=now, begun=one.view.started_at,
    ):  # fmt: skip
        return Assignment(one.view.control, False, "held_out")
    if expose and found.taking_part:
        exposing.expose(one.view, found.variant, source_id=one.source_id, kind=kind, value=value, now=now)
    return found


def held_out(
    holdouts: Sequence[Live], *, profile_id: int | None, kind: str, value: str, expose: bool, now: datetime,
    begun: datetime | None = None,
) -> bool:  # fmt: skip
    """Whether one of the holdouts keeps somebody out of what has `begun` after it. With `expose` the log is told of
    those who are held out and of those who are not: they are what is compared."""
    for one in holdouts:
        if begun is not None and one.view.started_at is not None and begun < one.view.started_at:
            continue
        found = decide_live(one, (), profile_id=profile_id, kind=kind, value=value, expose=expose, now=now)
        if found.variant.key == HELD_OUT:
            return True
    return False


def assign(
    experiment: ExperimentView, *, seed: str, profile_id: int | None, key: str
) -> Assignment:  # fmt: skip
    """What a profile gets, or somebody who is known by `key` (`kind:value`) only. Always answers.

    Whoever saw a variant keeps it, also after a merge: the first one that was seen. Others are drawn.
    """
    seen = exposing.first_seen(experiment, [profile_id]) if profile_id is not None else {}
    member = experiment.segment_id is None or _member(experiment.segment_id, profile_id)
    unit = f"profile:{profile_id}" if profile_id is not None else key
    return _assigned(experiment, seed, unit, seen=seen.get(profile_id or 0), member=member)


def assign_people(experiment: ExperimentView, profile_ids: Sequence[int]) -> dict[int, Assignment]:
    """`assign` for many profiles; the number of statements does not depend on how many."""
    seed = Experiment.objects.values_list("seed", flat=True).get(pk=experiment.id)
    seen = exposing.first_seen(experiment, profile_ids) if experiment.state == "running" else {}
    members: Mapping[int, Sequence[str]] = {}
    slug = ""
    if experiment.segment_id is not None and experiment.state == "running":
        members = segments.slugs_of(profile_ids)
        found = segments.segment(experiment.segment_id)
        slug = "" if found is None else found.slug
    return {
        one: _assigned(experiment, seed, f"profile:{one}", seen=seen.get(one),
                       member=experiment.segment_id is None or slug in members.get(one, ()))
        for one in profile_ids
    }  # fmt: skip


def _assigned(experiment: ExperimentView, seed: str, unit: str, *, seen: str | None, member: bool) -> Assignment:
    if experiment.state != "running":
        winner = next((one for one in experiment.variants if one.key == experiment.winner), None)
        return Assignment(winner or experiment.control, False, "winner" if winner else "not_running")
    known = {one.key: one for one in experiment.variants}
    if seen in known:
        return Assignment(known[seen], True, "seen_before")
    if not member:
        return Assignment(experiment.control, False, "not_in_segment")
    if not takes_part(seed, unit, traffic=experiment.traffic):
        return Assignment(experiment.control, False, "not_in_traffic")
    return Assignment(variant_of(seed, unit, experiment.variants), True, "assigned")


def _member(segment_id: int, profile_id: int | None) -> bool:
    return profile_id is not None and segments.in_segment(segments.membership_bits(profile_id), segment_id)


def _live(row: Experiment) -> Live:
    return Live(view(row), row.seed, row.source_id)


def _draws(experiment: ExperimentView) -> tuple[str, int]:
    return Experiment.objects.values_list("seed", "source_id").get(pk=experiment.id)
