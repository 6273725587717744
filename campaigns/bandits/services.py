"""Making bandits, showing arms, and learning from what people did."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
from django.db import connection, transaction
from django.utils.text import slugify

from campaigns.bandits import learning
from campaigns.bandits.models import Bandit
from campaigns.bandits.selectors import view
from campaigns.bandits.shapes import Arm, BanditView, InvalidBandit
from campaigns.bandits.thompson import Dimension, bucket_of, choose
from campaigns.contracts import EXPOSURE
from campaigns.experiments import exposing
from campaigns.experiments.models import Experiment
from common import audit

MOST_ARMS, MOST_DIMENSIONS, MOST_VALUES = 20, 3, 20
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_CHANGEABLE = frozenset({"name", "explore", "half_life_hours", "running"})
_LAST = """
select e.properties ->> 'variation_id'
from identity_member m join events_event e using (identifier_id)
where m.profile_id = %(profile)s and e.name = %(exposure)s and e.occurred_at > %(since)s
  and e.properties ->> 'experiment_id' = %(slug)s
order by e.occurred_at desc, e.message_id limit 1
"""


@transaction.atomic
def create_bandit(
    *, name: str, arms: Any, reward: str, by: str, now: datetime, slug: str = "", window_hours: int = 24,
    context: Any = (), explore: float = 0.05, half_life_hours: float = 0.0, via: str = "ui",
) -> BanditView:  # fmt: skip
    """A bandit that runs at once. Raises InvalidBandit with what is wrong, by JSON pointer."""
    wanted = slug or slugify(name)[:80]
    wrong = dict(_faults(name, reward, window_hours, explore, half_life_hours))
    taken = Bandit.objects.filter(slug=wanted).exists() or Experiment.objects.filter(slug=wanted).exists()
    if not wanted or taken:
        wrong["/slug"] = "There is a bandit or an experiment of this name. Choose another."
    read_arms, dimensions = _arms(arms, wrong), _dimensions(context, wrong)
    if wrong:
        raise InvalidBandit(wrong)
    row = Bandit.objects.create(
        slug=wanted, name=name.strip(), arms=msgspec.to_builtins(read_arms), reward=reward.strip(),
        window_hours=window_hours, context=msgspec.to_builtins(dimensions), explore=explore,
        half_life_hours=half_life_hours, seed=secrets.token_hex(16),
        source_id=exposing.source(by=by, now=now, via=via), created_by=by, created_at=now,
    )  # fmt: skip
    _note(row, "create", "Made the bandit", by=by, now=now, via=via)
    return view(row)


@transaction.atomic
def change_bandit(bandit_id: int, changes: Mapping[str, Any], *, by: str, now: datetime, via: str = "ui") -> BanditView:
    """Another name, share of exploring or half-life; stop it or let it go on. What is compared stays as it was made.

    Raises InvalidBandit."""
    row = Bandit.objects.select_for_update().get(pk=bandit_id)
    if fixed := sorted(set(changes) - _CHANGEABLE):
        raise InvalidBandit({f"/{fixed[0]}": "This cannot be changed any more: make another bandit."})
    for name, value in changes.items():
        setattr(row, name, value)
    wrong = dict(_faults(row.name, row.reward, row.window_hours, row.explore, row.half_life_hours))
    if wrong:
        raise InvalidBandit(wrong)
    row.save(update_fields=sorted(changes))
    _note(row, "change", "Changed the bandit", by=by, now=now, via=via, after=dict(changes))
    return view(row)


def show_arm(
    bandit: BanditView, *, profile_id: int | None, kind: str, value: str, traits: Mapping[str, Any],
    context: Mapping[str, Any], expose: bool, now: datetime,
) -> tuple[Arm, bool] | None:  # fmt: skip
    """The arm that somebody gets, and whether that was put in the log now; None when the bandit does not run.

    Whoever was shown an arm keeps it for the window. Until the log knows it, the same draw gives the same arm.
    """
    if not bandit.running:
        return None
    known = {one.key: one for one in bandit.arms}
    kept = _last_shown(bandit, profile_id, now) if profile_id is not None else None
    if kept in known:
        return known[kept], False
    bucket = bucket_of(bandit.context, traits=traits, context=context)
    unit = f"profile:{profile_id}" if profile_id is not None else f"{kind}:{value}"
    draw = Random(f"{bandit.seed}:{unit}:{bandit.learned_at}")  # noqa: S311 - no secret; it is to be repeatable
    arm = known[choose(list(known), bandit.learned.get(bucket, {}), explore=bandit.explore, draw=draw)]
    if expose:
        window = int(now.timestamp() // (bandit.window_hours * 3600))
        seen = exposing.seen(
            slug=bandit.slug, name=bandit.name, variant=arm.key, variant_name=arm.name, period=f"window {window}",
            kind=kind, value=value, now=now, more={"context": bucket},
        )  # fmt: skip
        exposing.store([seen], source_id=bandit.source_id, now=now)
    return arm, expose


def learn_bandits(*, now: datetime) -> int:
    """Let every bandit learn that runs, one transaction each; answers how many."""
    ids = list(Bandit.objects.filter(running=True).order_by("pk").values_list("pk", flat=True))
    for bandit_id in ids:
        learning.learn(bandit_id, now=now)
    return len(ids)


def _last_shown(bandit: BanditView, profile_id: int, now: datetime) -> str | None:
    since = now - timedelta(hours=bandit.window_hours)
    with connection.cursor() as cursor:
        cursor.execute(
            _LAST, {"profile": profile_id, "exposure": EXPOSURE, "slug": bandit.slug, "since": since}
        )  # fmt: skip
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def _faults(name: str, reward: str, window: int, explore: float, half_life: float) -> Any:
    if not 1 <= len(name.strip()) <= 200:
        yield "/name", "Give it a name."
    if not 1 <= len(reward.strip()) <= 200:
        yield "/reward", "Give the event that is the reward."
    if not 1 <= window <= 24 * 90:
        yield "/window_hours", "Give 1 hour to 90 days."
    if not 0.0 <= explore <= 1.0:
        yield "/explore", "Give a share of 0 to 1; 0.05 is usual."
    if not (half_life == 0 or 1 <= half_life <= 24 * 366):
        yield "/half_life_hours", "Give 1 hour to a year, or 0 to forget nothing."


def _arms(given: Any, wrong: dict[str, str]) -> tuple[Arm, ...]:
    try:
        found = msgspec.convert(given, tuple[Arm, ...])
    except msgspec.ValidationError as error:
        wrong["/arms"] = f"{error}."
        return ()
    keys = [one.key for one in found]
    if not 2 <= len(found) <= MOST_ARMS or len(set(keys)) < len(keys):
        wrong["/arms"] = f"Give 2 to {MOST_ARMS} arms, each with a key of its own."
    elif not all(_KEY.fullmatch(key) for key in keys) or not all(one.name.strip() for one in found):
        wrong["/arms"] = "Each arm has a name, and a key of small letters, digits, dashes and underscores."
    return found


def _dimensions(given: Any, wrong: dict[str, str]) -> tuple[Dimension, ...]:
    try:
        found = msgspec.convert(given, tuple[Dimension, ...])
    except msgspec.ValidationError as error:
        wrong["/context"] = f"{error}."
        return ()
    sound = all(one.key and one.of in ("trait", "context") and 1 <= len(one.values) <= MOST_VALUES for one in found)
    if len(found) > MOST_DIMENSIONS or not sound:
        wrong["/context"] = f"Give at most {MOST_DIMENSIONS}, each with key, of (trait or context) and 1 to 20 values."
    return found


def _note(
    row: Bandit, action: str, words: str, *, by: str, now: datetime, via: str, after: Mapping[str, Any] | None = None
) -> None:  # fmt: skip
    audit.record(
        actor=by, via=via, action=f"bandit.{action}", object_type="bandit", object_id=row.pk, at=now,
        summary=f"{words} {row.name}", after=dict(after or {}),
    )  # fmt: skip
