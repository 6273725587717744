"""The deciding parts of the sync engine: the diff, the guard, the verdicts, the pauses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.destinations.errors import (
    DeliveryError,
    InvalidCredentials,
    InvalidPayload,
    Misconfigured,
    RateLimited,
    Temporary,
    error_for_status,
)
from connectors.destinations.kit import Delivered, Skipped
from connectors.destinations.webhook.destination import SendEvent
from connectors.syncs import backoff
from connectors.syncs.diff import SentRow, Target, diff, needs_approval
from connectors.syncs.rendering import Person, Recipe, render_people
from connectors.syncs.verdicts import settlement, standing

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def target(profile_id: int, name: str, content: str = "x") -> Target:
    return Target(profile_id, name, {"id": name}, content, {"id": name}, name)


def sent(profile_id: int, name: str, content: str = "x", *, present: bool = True, confirmed: bool = True) -> SentRow:
    return SentRow(profile_id, name, present, content, confirmed, {"id": name}, name)


def operations(**more: Any) -> list[tuple[str, str]]:
    return [(change.operation, change.identifier_hash) for change in diff(**more).changes]


def test_who_is_new_is_added_and_who_left_is_removed() -> None:
    assert operations(wanted=[target(1, "a")], sent=[sent(2, "b")], looked_at={1, 2}) == [("add", "a"), ("remove", "b")]


def test_who_is_there_already_is_left_alone() -> None:
    assert operations(wanted=[target(1, "a")], sent=[sent(1, "a")], looked_at={1}) == []


def test_who_changed_is_updated_or_added_when_the_first_try_is_unconfirmed() -> None:
    assert operations(wanted=[target(1, "a", "y")], sent=[sent(1, "a")], looked_at={1}) == [("update", "a")]
    assert operations(wanted=[target(1, "a", "y")], sent=[sent(1, "a", confirmed=False)], looked_at={1}) == [
        ("add", "a")
    ]


def test_who_comes_back_while_the_removal_is_on_its_way_is_added_again() -> None:
    assert operations(wanted=[target(1, "a")], sent=[sent(1, "a", present=False)], looked_at={1}) == [("add", "a")]


def test_an_old_identifier_is_removed_by_what_was_sent_of_it() -> None:
    found = diff(wanted=[target(1, "new")], sent=[sent(1, "old")], looked_at={1}).changes
    assert [(c.operation, c.fields) for c in found] == [("add", {"id": "new"}), ("remove", {"id": "old"})]


def test_an_identifier_that_moves_to_another_profile_is_not_removed() -> None:
    found = diff(wanted=[target(2, "a")], sent=[sent(1, "a")], looked_at={1, 2})
    assert found.changes == ()
    assert [t.profile_id for t in found.moved] == [2]


def test_profiles_not_looked_at_keep_what_they_have() -> None:
    assert operations(wanted=[], sent=[sent(1, "a"), sent(2, "b")], looked_at={1}) == [("remove", "a")]


@given(
    st.dictionaries(st.integers(1, 6), st.tuples(st.integers(1, 3), st.sampled_from("xy")), max_size=6),
    st.dictionaries(st.integers(1, 6), st.tuples(st.integers(1, 3), st.sampled_from("xy"), st.booleans()), max_size=6),
)
def test_after_the_changes_the_channel_has_what_is_wanted_and_a_second_diff_is_empty(
    wanted: dict[int, tuple[int, str]], before: dict[int, tuple[int, str, bool]]
) -> None:
    targets = [target(owner, str(name), content) for name, (owner, content) in wanted.items()]
    there = [sent(owner, str(name), content, present=on) for name, (owner, content, on) in before.items()]
    everybody = {1, 2, 3}
    channel = {row.identifier_hash: row.payload_hash for row in there if row.present}
    found = diff(wanted=targets, sent=there, looked_at=everybody)
    for change in found.changes:
        if change.operation == "remove":
            del channel[change.identifier_hash]
        else:
            assert (change.operation == "update") == (change.identifier_hash in channel)
            channel[change.identifier_hash] = change.payload_hash
    assert channel == {str(name): content for name, (_, content) in wanted.items()}
    now_there = [sent(t.profile_id, t.identifier_hash, t.payload_hash) for t in targets]
    assert diff(wanted=targets, sent=now_there, looked_at=everybody).changes == ()


@pytest.mark.parametrize(
    ("adds", "removes", "before", "stop"),
    [
        (1_000_000, 0, 0, False),
        (0, 1001, 2000, True),
        (1001, 0, 2000, True),
        (1000, 1000, 1000, False),
        (0, 1001, 100_000, False),
        (0, 30_000, 100_000, False),
        (0, 30_001, 100_000, True),
    ],
)
def test_a_mass_change_waits_for_a_person(adds: int, removes: int, before: int, stop: bool) -> None:
    assert needs_approval(adds=adds, removes=removes, before=before, percent=30, rows=1000) is stop


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Temporary), (302, Temporary), (307, Temporary), (400, InvalidPayload), (401, InvalidCredentials),
        (403, InvalidCredentials), (404, InvalidPayload), (408, Temporary), (409, InvalidPayload),
        (413, InvalidPayload), (422, InvalidPayload), (423, Temporary), (425, Temporary), (429, RateLimited),
        (500, Temporary), (501, InvalidPayload), (502, Temporary), (503, Temporary), (504, Temporary),
    ],
)  # fmt: skip
def test_a_status_says_what_happens_next(status: int, kind: type[DeliveryError]) -> None:
    error = error_for_status(status, "The endpoint answered.")
    assert type(error) is kind
    assert error.code == f"http_{status}"


def test_a_busy_server_that_names_a_time_is_given_it() -> None:
    error = error_for_status(503, "busy", retry_after=timedelta(seconds=9))
    assert isinstance(error, RateLimited)
    assert error.retry_after == timedelta(seconds=9)


@pytest.mark.parametrize(("attempts", "most"), [(1, 2), (2, 4), (3, 8), (7, 128), (8, 256), (10, 600), (99, 600)])
def test_pauses_double_up_to_ten_minutes_with_full_jitter(attempts: int, most: int) -> None:
    assert backoff.pause(attempts, chance=0) == timedelta(0)
    assert backoff.pause(attempts, chance=0.5) == timedelta(seconds=most / 2)
    assert backoff.pause(attempts, chance=1) == timedelta(seconds=most)


@pytest.mark.parametrize(
    ("verdict", "attempts", "state"),
    [
        (Delivered(), 1, "delivered"),
        (Skipped("unknown there"), 1, "delivered"),
        (InvalidPayload("no"), 1, "failed"),
        (Temporary("busy"), 1, "pending"),
        (Temporary("busy"), 7, "pending"),
        (Temporary("busy"), 8, "dead"),
        (RateLimited("slow"), 8, "dead"),
        (InvalidCredentials("who?"), 8, "pending"),
        (Misconfigured("where?"), 1, "pending"),
    ],
)
def test_a_verdict_settles_its_row(verdict: Any, attempts: int, state: str) -> None:
    found = settlement(verdict, attempts=attempts, chance=1, now=NOW)
    assert found.state == state
    assert found.uncounted is isinstance(verdict, InvalidCredentials | Misconfigured)


def test_retry_after_is_obeyed_when_it_is_longer_than_the_own_pause() -> None:
    verdict = RateLimited("slow", retry_after=timedelta(minutes=5))
    assert settlement(verdict, attempts=1, chance=1, now=NOW).next_attempt_at == NOW + timedelta(minutes=5)


def test_credentials_pause_the_destination_with_the_reason() -> None:
    assert standing([Delivered(), InvalidCredentials("401")], failures_before=0, chance=0).pause_reason == "401"


def test_a_whole_batch_that_fails_lets_the_destination_rest_longer_each_time() -> None:
    rests = [standing([Temporary("x")] * 3, failures_before=n, chance=1).rest for n in range(4)]
    assert rests == [timedelta(seconds=s) for s in (2, 4, 8, 16)]
    assert standing([Temporary("x"), Delivered()], failures_before=3, chance=1).failures_in_a_row == 0
    assert standing([InvalidPayload("x")] * 3, failures_before=3, chance=1).rest is None


RECIPE = Recipe(
    sync_id=1,
    identifier_kind="email",
    action=SendEvent(),
    mapping={
        "profile_id": {"@path": "profile.id"},
        "identifier": {"value": {"@path": "target.value"}},
        "traits": {"city": {"@path": "profile.traits.city"}},
    },
    segment={"id": "1", "slug": "vips", "name": "VIPs"},
)


def test_each_identifier_of_the_kind_is_a_target_with_a_masked_label() -> None:
    person = Person(
        7, (("email", "ann@example.com"), ("phone", "+47"), ("email", "a@example.org")), {"city": "Oslo"}, None
    )
    rendered = render_people([person], RECIPE)
    assert [t.fields["identifier"]["value"] for t in rendered.targets] == ["ann@example.com", "a@example.org"]
    assert [t.label for t in rendered.targets] == ["a•••@example.com", "a•••@example.org"]
    assert rendered.targets[0].removal == {"profile_id": "7", "identifier": {"value": "ann@example.com"}}


def test_people_without_the_identifier_are_skipped_with_the_reason() -> None:
    rendered = render_people([Person(7, (("phone", "+47"),), {}, None)], RECIPE)
    assert rendered.targets == []
    assert rendered.skipped == {"no email": 1}


def test_people_without_a_required_field_are_skipped_with_the_reason() -> None:
    recipe = Recipe(1, "profile", SendEvent(), {"profile_id": {"@path": "profile.traits.crm"}}, RECIPE.segment)
    assert render_people([Person(7, (), {}, None)], recipe).skipped == {"no profile_id": 1}
