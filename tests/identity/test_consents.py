"""What a person chose is a function of what was said: neither order, nor batches, nor merges matter."""

import itertools
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from common import pg, turns
from identity import selectors
from identity.consents import Means, Told, Word, answer, consented, fold, purpose_and_channel, trait_of
from identity.contracts import ConsentIn, Evidence, IdentifierKey
from identity.services import Memory, apply_evidence, merge, rebuild_profiles, record_consents, split, write_computed
from tests.identity.people import NOW, START_US, people, profile_of

YES, NO = True, False
WORDS = st.lists(
    st.builds(Word, st.sampled_from(["", "email"]), st.booleans(), st.booleans(), st.integers(0, 6)), max_size=8
)


def said(granted: bool, at: int, *, channel: str = "", explicit: bool = True) -> Word:
    return Word(channel, granted, explicit, at)


@pytest.mark.parametrize(
    ("words", "channel", "expected"),
    [
        ([], "", None),
        ([said(YES, 1)], "", YES),
        ([said(YES, 1), said(NO, 2)], "", NO),
        ([said(NO, 1), said(YES, 2)], "", YES),
        ([said(NO, 2), said(YES, 2)], "", NO),  # of one moment
        ([said(NO, 1), said(YES, 2, explicit=False)], "", NO),  # an old browser repeats itself
        ([said(YES, 1), said(NO, 2, explicit=False)], "", NO),  # a stamp may refuse
        ([said(NO, 1, explicit=False), said(YES, 2, explicit=False)], "", YES),
        ([said(YES, 1)], "email", YES),
        ([said(YES, 1), said(NO, 1, channel="email")], "", YES),
        ([said(YES, 2), said(NO, 1, channel="email")], "email", NO),  # lifted only there
        ([said(NO, 1), said(YES, 2, channel="email")], "email", YES),
        ([said(YES, 1, channel="email"), said(NO, 2)], "email", NO),  # withdrawn everywhere
        ([said(YES, 1, channel="email"), said(NO, 2, explicit=False)], "email", YES),
        ([said(YES, 1, channel="email"), said(NO, 1)], "email", YES),  # said together: no, but by e-mail
        ([said(YES, 1, channel="email"), said(NO, 2), said(YES, 3)], "email", YES),
        ([said(YES, 1, channel="email")], "sms", None),
        ([said(YES, 1, channel="email")], "", None),
    ],
)
def test_the_answer_to_a_purpose(words: list[Word], channel: str, expected: bool | None) -> None:
    for order in itertools.permutations(words):
        assert answer(order, channel) is expected


@given(words=WORDS, data=st.data())
def test_neither_order_nor_repeats_change_the_answer(words: list[Word], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(words)) + data.draw(st.lists(st.sampled_from(words)) if words else st.just([]))
    for channel in ("", "email"):
        assert answer(shuffled, channel) is answer(words, channel)


@given(words=WORDS, at=st.integers(7, 9))
def test_an_explicit_refusal_of_all_is_the_last_word_everywhere(words: list[Word], at: int) -> None:
    for channel in ("", "email"):
        assert answer([*words, said(NO, at)], channel) is False
        assert answer([*words, said(NO, at), said(YES, at + 1, explicit=False)], channel) is False


TOLD = st.lists(
    st.builds(
        lambda means, granted, at, source: Told(1, "ads", "", source, means, granted, at, at),
        st.sampled_from([Means.STAMP, Means.TRAIT, Means.EVENT]), st.booleans(), st.integers(0, 8), st.integers(1, 2),
    ), max_size=10,
)  # fmt: skip


def words_of(records: Sequence[Told]) -> list[Word]:
    return [Word(one.channel, one.granted, one.means != Means.STAMP, one.repeated_us) for one in records]


@given(told=TOLD, cuts=st.lists(st.integers(0, 10), max_size=3))
def test_however_words_fall_into_batches_and_are_folded_the_answer_is_that_of_all_words(
    told: list[Told], cuts: list[int]
) -> None:
    records: list[Told] = []
    bounds = [0, *sorted(min(cut, len(told)) for cut in cuts), len(told)]
    for start, end in itertools.pairwise(bounds):
        batch = told[start:end]
        fresh, repeats = fold(records, batch)
        for place, until in repeats.items():
            records[place] = records[place]._replace(repeated_us=until)
        records += [batch[place]._replace(repeated_us=until) for place, until in fresh.items()]
    assert answer(words_of(records)) is answer(words_of(told))
    assert len(records) <= len(told)
    assert fold(records, told) == ({}, {}), "whoever reads the log again adds nothing"


def test_a_stamp_that_says_the_same_again_is_no_new_record() -> None:
    stamps = [Told(1, "ads", "", 1, Means.STAMP, YES, at, at) for at in range(5)]
    assert fold([], stamps) == ({0: 4}, {})
    assert fold([stamps[0]], stamps[1:]) == ({}, {0: 4})


def test_traits_name_purposes_and_channels() -> None:
    assert trait_of("ads") == "consent_ads"
    assert purpose_and_channel(trait_of("ads", "email")) == ("ads", "email")
    assert consented({"consent_ads": True}, "ads", "email")
    assert not consented({"consent_ads": True, "consent_ads.email": False}, "ads", "email")
    assert not consented({}, "ads")
    assert not consented({"consent_ads": "yes"}, "ads")


Choice = tuple[str, bool, int, str]


def evidence_of(*choices: Choice) -> Evidence:
    """(user id, yes or no, at, means) each."""
    keys = list(dict.fromkeys(IdentifierKey("user_id", who) for who, *_ in choices))
    consents = [
        ConsentIn(keys.index(IdentifierKey("user_id", who)), 1, "ads", "", granted, START_US + at, means)
        for who, granted, at, means in choices
    ]
    return Evidence(keys, [START_US] * len(keys), [], [], consents)


def tell(conn: psycopg.Connection[Any], *batches: Evidence) -> None:
    memory = Memory()
    turns.take(conn, f"tests-{id(memory)}")
    for batch in batches:
        apply_evidence(conn, evidence=batch, memory=memory, now=NOW)


def trait(conn: psycopg.Connection[Any], who: str) -> Any:
    return next(traits for ids, traits in people(conn).items() if f"user_id:{who}" in ids).get("consent_ads")


def test_the_answer_follows_merges_and_splits(conn: psycopg.Connection[Any]) -> None:
    tell(conn, evidence_of(("u1", YES, 5, Means.EVENT)))
    mail = IdentifierKey("email", "a@x.org")
    tell(conn, Evidence([mail], [START_US], [], [], [ConsentIn(0, 1, "ads", "", NO, START_US + 7, Means.EVENT)]))
    one, other = profile_of(conn, "user_id", "u1"), profile_of(conn, "email", "a@x.org")
    by_mail = ConsentIn(0, 0, "ads", "email", YES, START_US + 8, Means.FORM, evidence="Paper form 12", by="ann")
    assert record_consents(one, [by_mail], now=NOW).traits_changed == {one}
    assert people(conn)[frozenset({"user_id:u1"})] == {"consent_ads": True, "consent_ads.email": True}
    joined = merge(one, other, by="ann", reason="test", now=NOW)
    assert joined.done, joined.refusal
    assert people(conn) == {
        frozenset({"user_id:u1", "email:a@x.org"}): {"consent_ads": False, "consent_ads.email": True}
    }
    assert [row[:3] for row in selectors.consent_answers(one)] == [("ads", "", False), ("ads", "email", True)]
    assert {row.key: (row.value, row.rule) for row in selectors.provenance(one)} == {
        "consent_ads": (False, "consent"), "consent_ads.email": (True, "consent"),
    }  # fmt: skip
    assert split(one, [other], by="ann", reason="test", now=NOW).done
    assert trait(conn, "u1") is True
    assert people(conn)[frozenset({"email:a@x.org"})] == {"consent_ads": False}
    assert rebuild_profiles(now=NOW).healthy


def test_what_was_computed_is_no_choice(conn: psycopg.Connection[Any]) -> None:
    tell(conn, evidence_of(("u1", NO, 5, Means.EVENT)))
    profile = profile_of(conn, "user_id", "u1")
    write_computed(conn, profile_ids=[profile], columns={"consent_ads": ["true"]}, run=7, now=NOW)
    record_consents(profile, [ConsentIn(0, 0, "news", "", YES, START_US + 8, Means.FORM)], now=NOW)
    assert people(conn)[frozenset({"user_id:u1"})] == {"consent_ads": False, "consent_news": True}
    assert {one.key: one.rule for one in selectors.provenance(profile)} == {
        "consent_ads": "consent", "consent_news": "consent",
    }  # fmt: skip


def test_the_history_is_append_only(conn: psycopg.Connection[Any]) -> None:
    tell(conn, evidence_of(("u1", YES, 5, Means.STAMP)))
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"), conn.transaction():
        conn.execute("update identity_consent set granted = false")
    tell(conn, evidence_of(("u1", YES, 9, Means.STAMP), ("u1", YES, 7, Means.STAMP)))
    (record,) = selectors.consent_history(profile_of(conn, "user_id", "u1"))
    assert (record.repeated_at - record.said_at).microseconds == 4


@pytest.mark.django_db
@settings(max_examples=25, deadline=None)
@given(
    choices=st.lists(
        st.tuples(st.just("u1"), st.booleans(), st.integers(0, 6), st.sampled_from(list(Means))), min_size=1, max_size=8
    ),
    cut=st.integers(0, 8),
)
def test_the_trait_is_the_answer_however_words_arrive(choices: list[Choice], cut: int) -> None:
    with transaction.atomic():
        conn = pg.raw()
        usual, conn.cursor_factory = conn.cursor_factory, psycopg.Cursor
        try:
            tell(conn, *(evidence_of(*part) for part in (choices[:cut], choices[cut:]) if part))
            expected = answer([Word("", yes, means != Means.STAMP, START_US + at) for _, yes, at, means in choices])
            assert trait(conn, "u1") is expected
            profile = profile_of(conn, "user_id", "u1")
            assert [one[:3] for one in selectors.consent_answers(profile)] == [("ads", "", expected)]
        finally:
            conn.cursor_factory = usual
            transaction.set_rollback(True)
