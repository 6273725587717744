"""Computed traits: claims like others, so they follow merges, unmerges, rebuilds and erasure, and segments see them."""

import json
from typing import Any

import numpy as np
import pytest
from django.db import transaction

from cdp.erasing import run_erasures
from cdp.pipeline.follow import follow_moves
from common import clock, pg, turns
from connectors import services as connectors
from identity import selectors as identity
from identity import services as identity_services
from insights.writing import take_traits, write_traits
from privacy import services as privacy
from segments import selectors as segments
from segments import services as segment_services
from tests.insights.sending import Sender

pytestmark = pytest.mark.django_db(transaction=True)


MAIL = "u2@example.org"


def compute(sender: Sender, run: int, values: dict[str, str]) -> int:
    """Give people (by user id or address) a computed trait `level`."""
    ids = sorted((sender.profile(user), value) for user, value in values.items())
    return write_traits(
        profile_ids=np.array([one for one, _ in ids], dtype=np.int64), columns={"level": [value for _, value in ids]},
        run_id=run, now=clock.now(), after=follow_moves,
    )  # fmt: skip


def traits(profile: int) -> dict[str, Any]:
    view = identity.profile_view(profile)
    assert view is not None
    return dict(view.traits)


def test_a_computed_trait_has_its_computation_and_holds_over_what_others_say(sender: Sender) -> None:
    sender.send(sender.identify("u1", plan="pro", level="what they say"))
    assert compute(sender, 7, {"u1": "gold"}) == 1
    profile = sender.profile("u1")
    assert traits(profile) == {"plan": "pro", "level": "gold"}
    sender.send(sender.identify("u1", level="again"))
    assert traits(profile)["level"] == "gold"
    found = next(one for one in identity.provenance(profile) if one.key == "level")
    assert (found.rule, found.source_id, found.computation) == ("computed", 0, 7)
    assert [one.value for one in found.others] == ["again"]
    assert compute(sender, 8, {"u1": "gold"}) == 0
    assert next(one for one in identity.provenance(profile) if one.key == "level").computation == 8


def test_whoever_is_left_out_of_a_run_loses_the_trait(sender: Sender) -> None:
    sender.send(sender.identify("u1"), sender.identify("u2"))
    assert compute(sender, 1, {"u1": "gold", "u2": "tin"}) == 2
    assert compute(sender, 2, {"u1": "gold"}) == 1
    assert traits(sender.profile("u2")) == {}
    assert take_traits(keys=["level"], kept=np.empty(0, dtype=np.int64), now=clock.now(), after=follow_moves) == 1
    assert traits(sender.profile("u1")) == {}


def test_segments_follow_a_computed_trait_in_the_same_transaction(sender: Sender) -> None:
    sender.send(sender.identify("u1"), sender.identify("u2"))
    made = segment_services.create_segment(
        name="Gold", slug="gold", rule={"trait": "level", "is": "eq", "value": "gold"}, by="ann", now=clock.now()
    )
    compute(sender, 1, {"u1": "gold", "u2": "tin"})
    assert list(segments.members(made.id)) == [sender.profile("u1")]
    compute(sender, 2, {"u1": "tin", "u2": "gold"})
    assert list(segments.members(made.id)) == [sender.profile("u2")]


def test_merging_unmerging_and_a_rebuild_keep_traits_a_function_of_claims(sender: Sender) -> None:
    sender.send(sender.identify("u1", plan="a"), sender.identify(MAIL, plan="b"))
    compute(sender, 1, {"u1": "gold", MAIL: "tin"})
    one, two = sender.profile("u1"), sender.profile(MAIL)
    before = [traits(one), traits(two)]
    merged = identity_services.merge(one, two, by="ann", reason="", now=clock.now(), after=follow_moves)
    survivor = identity.current_ids([one])[one]
    assert traits(survivor)["level"] in ("gold", "tin")
    sender.rebuilt_the_same()
    identity_services.undo_decision(merged.decision_id or 0, by="ann", now=clock.now(), after=follow_moves)
    assert [traits(one), traits(two)] == before
    # What was computed of both together stays with the survivor; the other has its own again until the next run.
    again = identity_services.merge(one, two, by="ann", reason="", now=clock.now(), after=follow_moves)
    assert identity.current_ids([two])[two] == one
    compute(sender, 2, {"u1": "platinum"})
    identity_services.undo_decision(again.decision_id or 0, by="ann", now=clock.now(), after=follow_moves)
    assert (traits(one)["level"], traits(two)["level"]) == ("platinum", "tin")
    sender.rebuilt_the_same()


def test_a_trait_computed_of_somebody_who_was_merged_away_meanwhile_is_passed_over(sender: Sender) -> None:
    sender.send(sender.identify("u1"), sender.identify(MAIL))
    one, two = sender.profile("u1"), sender.profile(MAIL)
    identity_services.merge(one, two, by="ann", reason="", now=clock.now(), after=follow_moves)
    survivor = identity.current_ids([one])[one]
    gone = one if survivor == two else two
    with transaction.atomic():
        turns.borrow(pg.raw())
        changed = identity_services.write_computed(
            pg.raw(), profile_ids=sorted([one, two]), columns={"level": [json.dumps(n) for n in ("x", "x")]}, run=1,
            now=clock.now(),
        )  # fmt: skip
    assert changed == {survivor}
    assert set(traits(survivor)) == {"email", "level"}
    assert gone not in changed


def test_an_erased_person_leaves_no_computed_trait(sender: Sender) -> None:
    sender.send(sender.identify("u1"), sender.identify("u2"))
    compute(sender, 1, {"u1": "gold", "u2": "tin"})
    profile = sender.profile("u1")
    privacy.request_erasure(profile_id=profile, by="ann", now=clock.now())
    run_erasures(now=clock.now())
    assert identity.profile_view(profile) is None
    rows = pg.raw().execute("select count(*) from identity_claim where source_id = 0").fetchall()
    assert rows == [(1,)]


def test_a_name_of_a_source_never_is_that_of_computations(sender: Sender) -> None:
    assert connectors.create_source(name="Another", kind="web", by="ann").id > 0
