"""The steward's pages of record linkage, from the model to the single link."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from cdp.web import cluster, compare, linkage_figures, reasons
from common import clock
from common.models import AuditEntry
from identity import selectors as identity
from identity.contracts import IdentifierView, LinkView, Why
from identity.models import BulkRun, LinkageModel, ReviewPair
from tests.web.conftest import Shop, one_of_each_role, signed_in, text_of
from tests.web.linkage_rows import EVIDENCE, HISTOGRAM, applied_run, figures, join_by_likeness, trained_model

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GONE = [900_001, 900_002]


@pytest.fixture
def version(db: None) -> int:
    """A trained model, and one person of each role; nobody else."""
    one_of_each_role()
    return trained_model(GONE, now=clock.now())


# -- the model


def test_the_start_values_say_what_is_not_known_and_what_to_do(version: int) -> None:
    page = text_of(signed_in("steward").get(reverse("web:linkage_model")))
    assert "never run over this base" in page
    assert "Train a new model" in page
    assert "Pairs by probability" not in page
    assert "Given name" in page, "what it believes is known all the same"


def test_a_model_shows_its_estimates_as_estimates_and_its_recall_as_that_of_the_findable(version: int) -> None:
    page = text_of(signed_in("viewer").get(reverse("web:linkage_version", args=[version])))
    assert "Expected precision 93.1 %" in page
    assert "Expected recall of the findable 89.0 %" in page
    assert "88.6 % 76.0 % to 95.0 %" in page
    assert "Links it would make 412" in page
    assert "r•••" in page, "a learned name is masked like every name"


def test_few_decisions_grade_nothing(version: int) -> None:
    told = {**figures(GONE), "graded": {"pairs": 3, "precision": 1.0, "recall": 1.0}}
    other = trained_model(GONE, now=clock.now(), figures=told)
    page = text_of(signed_in("viewer").get(reverse("web:linkage_version", args=[other])))
    assert "decided 3 pairs" in page
    assert "too few" in page


def test_a_model_without_any_figures_is_shown_too(version: int) -> None:
    other = trained_model(GONE, now=clock.now(), figures={})
    page = text_of(signed_in("admin").get(reverse("web:linkage_version", args=[other]), {"confirm": "1"}))
    assert "Nothing was measured" in page
    assert "What it would change has not been measured" in page


def test_each_comparison_says_how_often_and_how_heavy(db: None) -> None:
    given = identity.linkage_comparisons(0)[0]
    assert (given.name, given.levels[0].words) == ("given", "exact")
    assert given.levels[0].bits > 5
    assert given.levels[4].bits < -3
    assert sum(level.one_person for level in given.levels) == pytest.approx(1)


def test_the_sides_of_the_thresholds_add_up_to_all_pairs(version: int) -> None:
    model = identity.linkage_model(version)
    assert model is not None
    where = linkage_figures.thresholds(model)
    assert where is not None
    assert (where.steps[where.link], where.steps[where.review]) == (0.45, 0.1)
    assert sum(side.pairs for side in where.sides) == sum(HISTOGRAM)


# -- training, switching on, rolling back


def test_a_steward_has_a_model_trained_and_only_an_admin_switches_it_on(version: int) -> None:
    steward, admin = signed_in("steward"), signed_in("admin")
    answer = steward.post(reverse("web:train_linkage"), follow=True)
    assert "Train a new model" in text_of(answer)
    assert BulkRun.objects.filter(kind="train", state="waiting", requested_by="steward@example.org").count() == 1
    again = text_of(steward.post(reverse("web:train_linkage"), follow=True))
    assert "Nothing was changed: a run of this kind (train) is waiting or under way already." in again

    switch_on = reverse("web:switch_on_linkage", args=[version])
    assert steward.post(switch_on).status_code == 403
    confirmation = text_of(admin.get(reverse("web:linkage_version", args=[version])))
    assert "This will make 412 links and take back 38; 301 groups of profiles change." in confirmation
    admin.post(switch_on)
    assert LinkageModel.objects.get(active=True).switched_on_by == "admin@example.org"
    assert AuditEntry.objects.filter(action="linkage.switch_on", actor="admin@example.org").count() == 1


def test_the_newest_run_is_rolled_back_by_asking_for_a_run(version: int) -> None:
    older = applied_run(GONE, now=clock.now())
    newer = applied_run(GONE, now=clock.now())
    admin = signed_in("admin")
    older_page = admin.get(reverse("web:linkage_run", args=[older]))
    assert "Roll back" not in text_of(older_page)
    refused = text_of(admin.post(reverse("web:roll_back_linkage", args=[older]), follow=True))
    assert f"run {newer} was made after it" in refused

    assert "take back the 412 links it made" in text_of(admin.get(reverse("web:linkage_run", args=[newer])))
    page = text_of(admin.post(reverse("web:roll_back_linkage", args=[newer]), follow=True))
    assert f"Take back run {newer}" in page
    assert BulkRun.objects.get(kind="roll_back").undoes == newer
    assert "Roll back…" not in text_of(admin.get(reverse("web:linkage_run", args=[newer]))), "it is asked for already"


def test_a_run_under_way_asks_again_and_a_finished_one_brings_its_figures(version: int) -> None:
    run = applied_run(
        GONE, now=clock.now(), kind="train", state="running", stage="compare", figures={},
        stages={"read": 3.0, "block": 4.0}, finished_at=None,
    )  # fmt: skip
    where = reverse("web:linkage_run", args=[run])
    client = signed_in("viewer")
    page = client.get(where)
    assert "under way Compare them" in text_of(page)
    assert "to come Learn from them" in text_of(page)
    assert "every 2s" in page.content.decode()
    assert "<html" not in client.get(where, headers={"HX-Request": "true"}).content.decode()
    BulkRun.objects.filter(pk=run).update(state="failed", error="900 records are too few", finished_at=clock.now())
    assert client.get(where, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "900 records are too few" in text_of(client.get(where))


def test_without_runs_the_page_says_what_to_do(version: int) -> None:
    assert "No run yet" in text_of(signed_in("viewer").get(reverse("web:linkage_runs")))


# -- the cluster studio


def test_bridges_are_the_links_without_which_a_profile_parts() -> None:
    ring_with_tail = {(1, 2), (2, 3), (1, 3), (3, 4), (4, 5)}
    assert cluster.bridges(range(1, 6), ring_with_tail) == {(3, 4), (4, 5)}
    assert cluster.bridges(range(1, 4), {(1, 2), (2, 3), (1, 3)}) == set()
    long = {(n, n + 1) for n in range(1, 5_000)}
    assert cluster.bridges(range(1, 5_001), long) == long


def _joined(shop: Shop) -> tuple[int, str]:
    join_by_likeness(shop.anna, shop.ana, now=clock.now())
    return min(shop.anna, shop.ana), f"{min(shop.anna, shop.ana)}-{max(shop.anna, shop.ana)}"


def test_the_weakest_link_comes_first_and_shows_its_weights(shop: Shop) -> None:
    profile, key = _joined(shop)
    page = signed_in("viewer").get(reverse("web:cluster", args=[profile]))
    keys = re.findall(r"cut=(\d+-\d+)#cut", page.content.decode())
    assert keys[0] == key
    assert len(keys) == len(identity.links_of(profile))
    assert "For one person: e-mail address (same, other provider), telephone (the same)." in text_of(page)
    assert "Other explanations strangers, two of one household" in text_of(page)


def test_a_cut_is_shown_before_it_is_made_and_taken_back_from_the_toast(shop: Shop) -> None:
    profile, key = _joined(shop)
    whole = identity.profile_view(profile)
    assert whole is not None
    client = signed_in("steward")
    where = reverse("web:cluster", args=[profile])
    preview = text_of(client.get(where, {"cut": key}))
    assert "Without this link the profile parts" in preview
    assert "5 identifiers, 5 traits" in preview
    assert "2 identifiers, 4 traits" in preview
    assert len(identity.identifier_ids(profile)) == 7, "looking changes nothing"

    part = reverse("web:part_cluster", args=[profile])
    assert "say why" in text_of(client.post(part, {"cut": key, "reason": ""}, follow=True))
    answer = client.post(part, {"cut": key, "way": "split", "reason": "Two people at one desk"}, follow=True)
    assert "2 identifiers split off." in text_of(answer)
    assert identity.profile_view(shop.ana) != identity.profile_view(shop.anna)

    (decision,) = identity.decisions(kind="split")
    undo = reverse("web:undo_decision", args=[decision.id])
    assert undo in answer.content.decode()
    client.post(undo)
    again = identity.profile_view(profile)
    assert again is not None
    assert (again.identifiers, again.traits, again.merged_from) == (whole.identifiers, whole.traits, whole.merged_from)


def test_only_the_link_is_taken_back_when_that_is_asked(shop: Shop) -> None:
    profile, key = _joined(shop)
    client = signed_in("steward")
    form = {"cut": key, "way": "retract", "reason": "The address was mistyped"}
    answer = client.post(reverse("web:part_cluster", args=[profile]), form, follow=True)
    assert "The link is taken back; the profile has parted." in text_of(answer)
    assert identity.decisions(kind="retract")
    assert not identity.decisions(kind="split")


def test_a_link_that_is_not_there_is_refused(shop: Shop) -> None:
    client = signed_in("steward")
    part = reverse("web:part_cluster", args=[shop.anna])
    assert "Choose a link that holds" in text_of(client.post(part, {"cut": "1-2", "reason": "Wrong"}, follow=True))


# -- why


def test_two_people_in_doubt_are_told_with_the_evidence(shop: Shop) -> None:
    page = text_of(signed_in("viewer").get(reverse("web:why"), {"a": shop.anna, "b": shop.ana}))
    assert "They are two people" in page
    assert "it is 71 % likely that they are one person" in page
    assert "Surname the same" in page


def test_two_people_kept_apart_by_a_steward_are_told_who_said_so(shop: Shop) -> None:
    client = signed_in("steward")
    client.post(reverse("web:decide", args=[shop.pair]), {"verdict": "no_match"})
    page = text_of(client.get(reverse("web:why"), {"a": shop.ana, "b": shop.anna}))
    assert "A steward keeps them apart" in page
    assert "steward@example.org looked at them and said: not a match" in page
    assert "no_match" not in page


def test_two_that_nothing_brings_together_are_told_so(shop: Shop) -> None:
    identity_pairs = identity.review_pairs_between(shop.ana, shop.anna)
    assert [pair.id for pair in identity_pairs] == [shop.pair]
    client = signed_in("viewer")
    ReviewPair.objects.all().delete()
    page = text_of(client.get(reverse("web:why"), {"a": shop.anna, "b": shop.ana}))
    assert "Nothing brings them together" in page


def test_one_person_is_told_by_the_chain_of_links(shop: Shop) -> None:
    _joined(shop)
    client = signed_in("viewer")
    page = text_of(client.get(reverse("web:why"), {"a": "customer-1", "b": "ana.berg@example.net"}))
    assert "They are one person" in page
    assert "Alike in name, address or birthday (99.8 % sure)" in page
    assert "the same identifier" in text_of(client.get(reverse("web:why"), {"a": shop.anna, "b": shop.anna}))
    assert "Two people are needed" in text_of(client.get(reverse("web:why"), {"a": shop.anna, "b": "nobody@x.org"}))


def _link(**more: Any) -> LinkView:
    a, b = (IdentifierView(n, "email", f"{n}@example.org", NOW) for n in (1, 2))
    plain = {"confidence": None, "evidence": None, "retracted_at": None, "retracted_by": "", "retracted_reason": ""}
    return LinkView(a, b, "observed", "event", first_at=NOW, **{**plain, "refused_because": "", **more})


def test_people_are_heard_before_the_policy_and_the_policy_before_likeness() -> None:
    refused = _link(refused_because="The phone is shared by several people, so it belongs to none of them.")
    taken_back = _link(retracted_at=NOW, retracted_by="ella@example.org", retracted_reason="Mistyped")
    ban = (refused.a, refused.b, "otto@example.org", "Father and son")
    found = Why(False, (), (refused,), (ban,), 0, "")
    told = reasons.apart(found, [taken_back], [], ask_from=0.1)
    assert [one.text for one in told] == [
        "otto@example.org said that they are two people, and why: Father and son.",
        "The phone is shared by several people, so it belongs to none of them.",
        "ella@example.org took it back. The reason given: Mistyped.",
    ]
    (nothing,) = reasons.apart(None, [], [], ask_from=0.1)
    assert "below 10 % likely" in nothing.text


# -- the waterfall


def test_the_shown_parts_sum_to_the_shown_weight_with_the_other_explanations_among_them() -> None:
    shown, whole = compare.weights(EVIDENCE), compare.verdict(EVIDENCE)
    assert whole is not None
    assert sum(round(one.bits * 100) for one in shown) == round(whole.bits * 100)
    assert (shown[-1].name, shown[-1].speaks) == ("other explanations", "against")
    assert "other explanations" not in whole.words
    assert max(one.x + one.width for one in shown) <= 101
