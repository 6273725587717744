"""Nothing of somebody who must not be stored is kept, at whichever stage the item stops: in no table, in no sample."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.pipeline.refused import may_be_kept
from cdp.pipeline.rehearse import rehearse
from cdp.pipeline.run import Applier
from cdp.scanning import scan
from common import clock, pg
from connectors import services as connectors
from events import selectors as log
from events import services as events
from events.contracts import QuarantineFilter, Refusal
from identity.contracts import IdentifierKey
from privacy import services as privacy
from quality import services as quality
from quality.contracts import Definition

pytestmark = pytest.mark.django_db(transaction=True)
MAIL = "zora.quill@example.org"
ZORA = IdentifierKey("email", MAIL)
Item = dict[str, Any]


@pytest.fixture
def conn(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    with pg.connect(autocommit=True) as made:
        events.ensure_inbox(made, now=clock.now())
        yield made


@pytest.fixture
def source(conn: psycopg.Connection[Any]) -> int:
    return connectors.create_source(name="Shop", kind="web", by="ann").id


def pipeline(conn: psycopg.Connection[Any], source: int, *calls: Item) -> None:
    """The items through the inbox and the applier."""
    events.store(
        conn, source_id=source, document=json.dumps({"batch": calls}).encode(), events=len(calls), client_ip=None,
        received_at=clock.now(), compressor=zstandard.ZstdCompressor(level=1),
    )  # fmt: skip
    applier = Applier()
    while True:
        # A batch that fails takes nothing, and is tried again in smaller parts.
        if not applier.apply_batch(now=clock.now()).taken and not events.waiting(conn):
            break
    applier.close()


def door(conn: psycopg.Connection[Any], source: int, *calls: Item) -> None:
    """The items as a door refuses them, whole."""
    events.quarantine(conn, [
        events.Setback(source, "no_identity", "It lacks something.", call["messageId"], json.dumps(call).encode())
        for call in calls
    ], stage="accept", received_at=clock.now())  # fmt: skip


def torn(conn: psycopg.Connection[Any], source: int, *calls: Item) -> None:
    """The items as texts that end too early."""
    events.quarantine(conn, [
        events.Setback(source, "invalid_json", "It is no JSON.", call["messageId"], json.dumps(call).encode()[:-1])
        for call in calls
    ], stage="accept", received_at=clock.now())  # fmt: skip


def lets_in(source: int) -> None:
    """Nothing stops an item."""


def blocks(source: int) -> None:
    quality.keep_block(source_id=source, classes={"email": "quarantine"}, by="ann", now=clock.now())


def flags_personal_data(source: int) -> None:
    quality.keep_block(source_id=source, classes={"email": "flag"}, by="ann", now=clock.now())


def rule(source: int, kind: str, path: str, scope: str = "properties", then: str = "flag", **told: Any) -> None:
    made = Definition(
        name=f"{path} of {source}", scope=scope, path=path, kind=kind, settings=told, then=then, source_id=source
    )  # fmt: skip
    rule_id = quality.create_rule(told=made, by="ann", now=clock.now())
    quality.switch_rule(rule_id=rule_id, on=True, by="ann", now=clock.now())


def cleans_away(source: int) -> None:
    rule(source, "number", "/total", then="quarantine", decimal=".")


def asks_a_person(source: int) -> None:
    rule(source, "number", "/total", then="review", decimal=".")


def samples(source: int) -> None:
    rule(source, "number", "/note", decimal=".")


def mends_the_identifier(source: int) -> None:
    rule(source, "synonyms", "/email", scope="traits", values={MAIL: ["zora.quill@old.example"]})


def mends_then_stops(source: int) -> None:
    mends_the_identifier(source)
    rule(source, "number", "/total", scope="traits", then="quarantine", decimal=".")


def plans(source: int, *, unplanned: str = "quarantine", invalid: str = "quarantine") -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    quality.decide_event(name="Bought", status="accepted", schema=schema, by="ann", now=clock.now())
    quality.keep_enforcement(source_id=source, unplanned=unplanned, invalid=invalid, by="ann", now=clock.now())


def plans_and_counts(source: int) -> None:
    plans(source, unplanned="flag", invalid="flag")


def bought(message: str, mail: str, **more: Any) -> Item:
    return {"type": "track", "event": "Bought", "messageId": message, "context": {"traits": {"email": mail}}, **more,
            "properties": {"total": "many", "note": f"ask {mail}"}}  # fmt: skip


def strange(message: str, mail: str) -> Item:
    return bought(message, mail) | {"event": f"Bought by {mail}"}


def told(message: str, mail: str) -> Item:
    return {"type": "identify", "messageId": message,
            "traits": {"email": mail.replace(MAIL, "zora.quill@old.example"), "total": f"many {mail}"}}  # fmt: skip


def deep(message: str, mail: str) -> Item:
    """PostgreSQL takes no JSON of this depth, so the item cannot be applied."""
    nested: Any = mail
    for _ in range(900):
        nested = {"a": nested}
    return bought(message, mail) | {"type": "identify", "traits": {"email": mail, "x": nested, "y": 10.0**300}}


# What the source asks for, the way in, the item, and whether it waits in the quarantine afterwards.
STAGES: list[tuple[Callable[[int], None], Callable[..., None], Callable[[str, str], Item], bool]] = [
    (lets_in, pipeline, bought, False), (blocks, pipeline, bought, True),
    (flags_personal_data, pipeline, bought, False), (cleans_away, pipeline, bought, True),
    (asks_a_person, pipeline, bought, True), (samples, pipeline, bought, False), (plans, pipeline, bought, True),
    (plans, pipeline, strange, True), (plans_and_counts, pipeline, bought, False), (lets_in, door, bought, True),
    (lets_in, door, told, True), (lets_in, torn, bought, True),
]  # fmt: skip


@pytest.fixture
def stages(conn: psycopg.Connection[Any]) -> Iterator[tuple[str, int, Any, Any, bool]]:
    """Each stage with a source of its own: its name, the source, the way in, the item, whether it waits."""

    def each() -> Iterator[tuple[str, int, Any, Any, bool]]:
        for stage, way, item, waits in STAGES:
            name = f"{stage.__name__} {way.__name__} {item.__name__}"
            source = connectors.create_source(name=name, kind="web", by="ann").id
            stage(source)
            yield name, source, way, item, waits

    return each()


def places() -> list[str]:
    """Where something of her stands; the message id is hers alone, too."""
    return [one.place for one in scan([MAIL, "zora.quill@old.example", "message-of-hers"])]


def test_nothing_is_kept_of_somebody_suppressed(conn: psycopg.Connection[Any], stages: Any) -> None:
    privacy.suppress(ZORA, reason="asked", by="ann", now=clock.now())
    for name, source, way, item, waits in stages:
        way(conn, source, item("message-of-hers", MAIL), item("m2", "bo@example.org"))
        assert places() == [], name
        waiting = log.quarantined(fits=QuarantineFilter(source_id=source))
        assert len(waiting) == waits, f"{name}: what others sent is there as ever"
        counted = [row for row in log.tallies(since=clock.now() - timedelta(hours=2)) if row[1] == source]
        assert sum(row[5] for row in counted) == 1, f"{name}: and she is counted"


def test_nothing_is_kept_of_somebody_whose_consent_is_missing(conn: psycopg.Connection[Any], stages: Any) -> None:
    privacy.describe_purpose(
        key="ads", name="Ads", legal_basis="consent", text="We show ads.", by="ann", now=clock.now()
    )
    for name, source, way, item, waits in stages:
        privacy.keep_gate(source_id=source, purpose_key="ads", by="ann", now=clock.now())
        agreed = item("m2", "bo@example.org")
        agreed.setdefault("context", {})["consent"] = {"categoryPreferences": {"ads": True}}
        way(conn, source, item("message-of-hers", MAIL), agreed)
        assert places() == [], name
        # What cannot be read tells of no consent, so the other one is not there either.
        waiting = log.quarantined(fits=QuarantineFilter(source_id=source))
        assert len(waiting) == (waits and way is not torn), name


@pytest.mark.parametrize("stage", [mends_the_identifier, mends_then_stops])
def test_an_identifier_is_hers_also_when_only_a_rule_makes_it_so(
    conn: psycopg.Connection[Any], source: int, stage: Callable[[int], None]
) -> None:
    stage(source)
    privacy.suppress(ZORA, reason="asked", by="ann", now=clock.now())
    pipeline(conn, source, told("message-of-hers", MAIL), told("m2", "bo@example.org"))
    # The rule itself names her, in its map, and so does the record of it: that is for whoever wrote it.
    assert [one for one in places() if "_cleaning" not in one and "_auditentry" not in one] == []


def test_an_item_that_cannot_be_applied_is_looked_at_too(conn: psycopg.Connection[Any], source: int) -> None:
    privacy.suppress(ZORA, reason="asked", by="ann", now=clock.now())
    kept = may_be_kept(conn, [
        events.Setback(source, "could_not_apply", "", "m1", json.dumps(deep("m1", MAIL)).encode()),
        events.Setback(source, "could_not_apply", "", "m2", json.dumps(deep("m2", "bo@example.org")).encode()),
    ])  # fmt: skip
    assert [one.message_id for one in kept] == ["m2"]


def test_an_item_that_waits_cannot_be_edited_into_one_of_hers(conn: psycopg.Connection[Any], source: int) -> None:
    door(conn, source, bought("m1", "bo@example.org"))
    (waiting,) = log.quarantined()
    privacy.suppress(ZORA, reason="asked", by="ann", now=clock.now())
    text = json.dumps(bought("m1", MAIL))
    assert rehearse(source_id=source, raw=text.encode(), now=clock.now()).reason == "suppressed"
    answer = connectors.replay_edited(item_id=waiting.id, text=text, by="ann", now=clock.now())
    assert isinstance(answer, Refusal)
    assert places() == []


_HIDING = st.recursive(
    st.just(MAIL) | st.just(MAIL.upper()) | st.just(f"to: {MAIL}; soon"),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(max_size=5), inner, min_size=1,
                                                                           max_size=3), max_leaves=8,
)  # fmt: skip


@given(hidden=_HIDING, cut=st.integers(0, 3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_she_is_found_wherever_she_stands_in_what_was_refused(
    conn: psycopg.Connection[Any], hidden: Any, cut: int
) -> None:
    privacy.suppress(ZORA, reason="asked", by="ann", now=clock.now())
    raw = json.dumps({"anything": hidden, "n": 12345}).encode()
    setback = events.Setback(1, "not_mapped", "", "m", raw[: len(raw) - cut])
    assert may_be_kept(conn, [setback]) == []
    other = events.Setback(1, "not_mapped", "", "m", raw.lower().replace(MAIL.encode(), b"bo@example.org"))
    assert may_be_kept(conn, [other]) == [other]
