"""Runs over the whole base: a model is trained, shown, switched on, and everything can be taken back."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from identity.linkage import base_runs
from identity.linkage.running import training_due
from identity.linkage.services import plan_training, run_next, switch_on_by_policy
from identity.models import BulkRun, Claim, Identifier, Link, LinkageModel, Profile, ReviewPair
from identity.selectors import linkage_model, linkage_run
from identity.services import NotPossible, merge, request_run, roll_back_run, split, switch_on
from tests.identity.people import NOW, profile_of
from tests.linkage.world import Connection, link, together

LATER = NOW + timedelta(days=1)
GIVEN = [
    "Anna",
    "Boris",
    "Chloe",
    "Derek",
    "Edith",
    "Felix",
    "Greta",
    "Hugo",
    "Irene",
    "Jonas",
    "Karla",
    "Louis",
    "Mona",
    "Nils",
    "Olga",
    "Pablo",
]
_FIRST, _LAST = (
    ["Ab", "Bian", "Car", "Dvo", "Erik", "Fisch", "Gar", "Hor", "Ivan", "Jen"],
    ["bott", "chi", "ver", "rak", "sen", "er", "cia", "vat", "ov", "kin"],
)
SURNAMES = [first + last for first in _FIRST for last in _LAST]


def people(conn: Connection, count: int, *, twice: int, seed: int = 3) -> None:
    """So many people known by a card each, the first ones by a second card with a slip or two; written at once."""
    rng = random.Random(seed)
    rows: list[tuple[str, dict[str, str]]] = []
    for n in range(count):
        traits = {
            "first_name": rng.choice(GIVEN), "last_name": rng.choice(SURNAMES),
            "birth_date": f"{rng.randint(1940, 2004)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
            "street": f"{rng.randint(1, 99)} {rng.choice(SURNAMES)} Street", "city": rng.choice(["Dayton", "Tulsa"]),
            "phone": f"+1212{rng.randint(2_000_000, 9_999_999)}",
        }  # fmt: skip
        rows.append((f"a{n}", traits))
        if n < twice:
            slip = traits["last_name"][:-1] + rng.choice("aeiou")
            rows.append((f"b{n}", {**traits, "last_name": slip, "phone": f"+1312{rng.randint(2_000_000, 9_999_999)}"}))
    made = [Identifier(kind="crm_id", value=v, component_id=0, profile_id=0, first_seen_at=NOW) for v, _ in rows]
    Identifier.objects.bulk_create(made)
    conn.execute("update identity_identifier set component_id = id, profile_id = id where profile_id = 0")
    by_card = {one.value: one.pk for one in made}
    Claim.objects.bulk_create(
        Claim(identifier_id=by_card[card], key=key, source_id=1, value=value, observed_at=NOW, tiebreak=0)
        for card, traits in rows
        for key, value in traits.items()
    )
    Profile.objects.bulk_create(
        Profile(id=by_card[card], traits=traits, created_at=NOW, updated_at=NOW) for card, traits in rows
    )


def run(tmp_path: Path) -> BulkRun:
    """Do the next run."""
    run_id = run_next(now=LATER, folder=tmp_path)
    assert run_id is not None
    return BulkRun.objects.get(pk=run_id)


def trained(tmp_path: Path) -> BulkRun:
    """Train on what is there."""
    request_run("train", by="ann", now=NOW)
    return run(tmp_path)


def matched() -> set[tuple[int, int]]:
    """The matched links that hold."""
    return set(Link.objects.filter(origin=2, retracted_at=None).values_list("a", "b"))


@pytest.fixture
def base(conn: Connection) -> Connection:
    """1,000 people, 150 of them twice."""
    people(conn, 1_000, twice=150)
    # As the autovacuum of a living database does: without figures the planner guesses badly.
    conn.execute("analyze identity_profile, identity_identifier, identity_claim")
    return conn


def test_training_shows_what_would_change_and_changes_nothing(base: Connection, tmp_path: Path) -> None:
    done = trained(tmp_path)
    assert (done.state, done.error) == ("done", "")
    figures = done.figures
    assert 140 <= figures["expected"]["matches"] <= 160
    assert figures["expected"]["precision"] > 0.98
    assert 140 <= figures["added"] <= 155
    assert figures["removed"] == 0
    assert sum(count for _, _, count in figures["histogram"]) > 140
    assert matched() == set()
    assert linkage_model(done.model_version).active is False  # type: ignore[union-attr]
    assert list(linkage_run(done.pk).stages) == ["read", "block", "compare", "train", "score"]  # type: ignore[union-attr]


def test_switching_on_links_once_and_a_second_run_changes_nothing(base: Connection, tmp_path: Path) -> None:
    version = trained(tmp_path).model_version or 0
    switch_on(version, by="ann", now=NOW)
    first = run(tmp_path)
    assert first.state == "done"
    found = matched()
    assert len(found) == first.figures["added"] > 135
    assert together(base, "a5", "b5")
    assert not together(base, "a5", "a6")
    request_run("apply", by="ann", now=NOW, model_version=version)
    second = run(tmp_path)
    assert (second.figures["added"], second.figures["removed"]) == (0, 0)
    assert matched() == found
    evidence = Link.objects.filter(origin=2).first().evidence  # type: ignore[union-attr]
    assert abs(sum(part["bits"] for part in evidence["parts"]) - evidence["weight"]) < 0.01


def test_incremental_linkage_agrees_with_the_run(base: Connection, tmp_path: Path) -> None:
    switch_on(trained(tmp_path).model_version or 0, by="ann", now=NOW)
    run(tmp_path)
    found = matched()
    after = link(base, seconds=120.0)
    assert after.withdrawn == 0
    assert len(matched() - found) <= 3  # what blocking or a doubtful pair left to one of them


def test_a_run_that_is_rolled_back_leaves_everything_as_it_was(base: Connection, tmp_path: Path) -> None:
    before = {name: profile_of(base, "crm_id", name) for name in ("a1", "b1", "a7", "b7")}
    switch_on(trained(tmp_path).model_version or 0, by="ann", now=NOW)
    applied = run(tmp_path)
    roll_back_run(applied.pk, by="ann", now=NOW)
    undone = run(tmp_path)
    assert undone.figures == {"added": 0, "removed": applied.figures["added"]}
    assert matched() == set()
    assert {name: profile_of(base, "crm_id", name) for name in before} == before
    assert linkage_model().version == 0  # type: ignore[union-attr]
    assert linkage_run(applied.pk).state == "rolled_back"  # type: ignore[union-attr]


def test_what_stewards_decided_survives_training_and_runs(base: Connection, tmp_path: Path) -> None:
    a, b = profile_of(base, "crm_id", "a3"), profile_of(base, "crm_id", "b3")
    x, y = profile_of(base, "crm_id", "a900"), profile_of(base, "crm_id", "a901")
    merge(x, y, by="ann", reason="told us", now=NOW)
    merge(a, b, by="ann", reason="looked alike", now=NOW)
    assert split(a, [b], by="ann", reason="sisters", now=NOW).done
    switch_on(trained(tmp_path).model_version or 0, by="ann", now=NOW)
    run(tmp_path)
    assert not together(base, "a3", "b3")
    assert together(base, "a900", "a901")


def test_a_run_that_dies_goes_on_and_the_result_is_the_same(
    base: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_run("train", by="ann", now=NOW)
    whole = run(tmp_path)
    for stage in ("compare", "train"):
        request_run("train", by="ann", now=NOW)

        def dies(self: base_runs.BaseRun, name: str, done: float, *, at: str = stage) -> None:
            if (name, done) == (at, 1.0):
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(base_runs.BaseRun, "_progress", dies)
            with pytest.raises(KeyboardInterrupt):
                run_next(now=LATER, folder=tmp_path)
        again = run(tmp_path)
        assert again.figures == whole.figures


def test_too_small_a_base_keeps_the_start_values(conn: Connection, tmp_path: Path) -> None:
    people(conn, 30, twice=3)
    done = trained(tmp_path)
    assert done.state == "failed"
    assert "too few to learn from" in done.error
    assert plan_training(now=LATER) is None


def test_training_is_asked_for_once_when_a_base_has_no_model(base: Connection) -> None:
    link(base, seconds=120.0)
    assert plan_training(now=LATER) is not None
    assert plan_training(now=LATER) is None
    with pytest.raises(NotPossible, match="under way"):
        request_run("train", by="ann", now=NOW)


def test_training_is_asked_for_when_a_field_is_filled_differently(base: Connection, tmp_path: Path) -> None:
    link(base, seconds=120.0)
    trained(tmp_path)
    assert plan_training(now=LATER) is None
    base.execute("update identity_profile set traits = traits - 'phone', updated_at = now() where id % 4 = 0")
    link(base, seconds=120.0)
    assert training_due(now=LATER) == "these fields are filled differently now: phones"
    assert plan_training(now=LATER) is not None


def test_the_start_values_cannot_be_switched_on(base: Connection) -> None:
    with pytest.raises(NotPossible, match="rolling back"):
        switch_on(0, by="ann", now=NOW)


def test_policy_switches_a_precise_model_on(base: Connection, tmp_path: Path) -> None:
    done = trained(tmp_path)
    assert switch_on_by_policy(done.pk, now=LATER) is not None
    live = LinkageModel.objects.get(active=True)
    assert (live.version, live.switched_on_by) == (done.model_version, "policy")


def test_only_the_newest_run_can_be_rolled_back(base: Connection, tmp_path: Path) -> None:
    version = trained(tmp_path).model_version or 0
    switch_on(version, by="ann", now=NOW)
    first = run(tmp_path)
    request_run("apply", by="ann", now=NOW, model_version=version)
    run(tmp_path)
    with pytest.raises(NotPossible, match="was made after it"):
        roll_back_run(first.pk, by="ann", now=NOW)


def test_doubtful_pairs_become_questions_and_decided_ones_do_not_come_back(base: Connection, tmp_path: Path) -> None:
    switch_on(trained(tmp_path).model_version or 0, by="ann", now=NOW)
    run(tmp_path)
    open_pairs = ReviewPair.objects.filter(state="open").count()
    assert open_pairs <= 60
