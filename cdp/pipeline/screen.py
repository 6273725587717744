"""What must not be stored is dropped before anything is kept of it: in the log, in the quarantine, or as a sample."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

import identity.services as identity
from cdp.pipeline.collect import Collected, collect
from events.services import Batch
from identity.contracts import ConsentIn, IdentifierKey, Word, answer
from privacy import services as privacy

Message = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Screened:
    """The items that may be stored with their evidence; by source how many were dropped because they carry a suppressed
    identifier, or for want of consent; and the messages (source, id) that were."""

    batch: Batch
    collected: Collected
    suppressed: Counter[int] = field(default_factory=Counter)
    unconsented: Counter[int] = field(default_factory=Counter)
    withheld: frozenset[Message] = frozenset()


@dataclass(frozen=True, slots=True)
class _Item:
    """One item of a source that asks for consent: who it carries, and what it says of consent itself. `aside`: it is in
    the quarantine."""

    message: Message
    aside: bool
    purpose: str
    keys: Sequence[IdentifierKey]
    carrier: IdentifierKey
    said: Sequence[ConsentIn]

    def words(self) -> list[Word]:
        """What it says of the purpose that is asked for, of all channels."""
        return [identity.word_of(one) for one in self.said if one.purpose == self.purpose and not one.channel]


def screen(conn: psycopg.Connection[Any], batch: Batch, collected: Collected) -> Screened:
    """The items that carry no suppressed identifier and have the consent that their source asks for.

    Two statements while no list and no source asks for more, and at most six whatever the size of the batch; items are
    looked at one by one only when something of the batch is suppressed or its source asks.
    """
    return with_consent(conn, without_suppressed(conn, Screened(batch, collected)))


def without_suppressed(conn: psycopg.Connection[Any], found: Screened, aside: Batch | None = None) -> Screened:
    """Without the items that carry a suppressed identifier; those `aside`, which are in the quarantine, are looked at,
    too."""
    others = collect(aside).evidence.keys if aside else []
    hidden = privacy.suppressed_among(conn, [*found.collected.evidence.keys, *others])
    if not hidden:
        return found
    gone = {
        message for batch in (found.batch, aside or Batch()) for place, message in enumerate(messages(batch))
        if _carries(batch.only([place]), hidden)
    }  # fmt: skip
    kept = without(found.batch, gone)
    return replace(
        found, batch=kept, collected=found.collected if kept is found.batch else collect(kept),
        suppressed=found.suppressed + Counter(source for source, _ in gone), withheld=found.withheld | gone,
    )  # fmt: skip


def _carries(item: Batch, hidden: set[IdentifierKey]) -> bool:
    return not hidden.isdisjoint(collect(item).evidence.keys)


def with_consent(
    conn: psycopg.Connection[Any], found: Screened, aside: Batch | None = None, came: Batch | None = None
) -> Screened:
    """Without the items that lack the consent that their source asks for; those `aside` are looked at, too. `came` has
    both in the order in which they came.

    An item needs the consent of its person by all that was said before: stored, or earlier in the batch, so that it
    makes no difference how items fell into batches. One that itself tells of a refusal is dropped whatever came later.
    Nothing said is no consent. What an item in the quarantine says counts for nobody but itself.
    """
    gates = privacy.consent_gates(conn)
    aside = aside or Batch()
    if not gates or gates.keys().isdisjoint((*found.batch.source_ids, *aside.source_ids)):
        return found
    asking = _asking(found, aside, came, gates)
    keys = list({key: None for one in asking for key in one.keys})
    said = identity.said_of(conn, keys, sorted({one.purpose for one in asking}))
    dropped: list[_Item] = []
    for one in asking:
        own = one.words()
        known = [word for key in one.keys for word in said.get((key, one.purpose), ())]
        lacking = answer(own) is False or answer([*own, *known]) is not True
        if lacking:
            dropped.append(one)
        for told in one.said if lacking or not one.aside else ():
            for key in one.keys:
                said.setdefault((key, told.purpose), []).append(identity.word_of(told))
    if not dropped:
        return found
    gone = {one.message for one in dropped}
    kept = without(found.batch, gone)
    collected = found.collected if kept is found.batch else collect(kept)
    return replace(
        found, batch=kept, collected=_with_words_of(conn, collected, dropped), withheld=found.withheld | gone,
        unconsented=found.unconsented + Counter(source for source, _ in gone),
    )  # fmt: skip


def messages(batch: Batch) -> Iterable[Message]:
    """By what each item of a batch is known: its source, and its id."""
    return zip(batch.source_ids, batch.message_ids, strict=True)


def without(batch: Batch, gone: Collection[Message]) -> Batch:
    """The same batch when none of these messages is in it."""
    keep = [place for place, message in enumerate(messages(batch)) if message not in gone] if gone else []
    return batch if not gone or len(keep) == len(batch) else batch.only(keep)


def _asking(found: Screened, aside: Batch, came: Batch | None, gates: dict[int, str]) -> list[_Item]:
    """The items of sources that ask, in the order in which they came."""
    asking = [
        _item(batch.only([place]), message, gates[message[0]], aside=batch is aside)
        for batch in (found.batch, aside) for place, message in enumerate(messages(batch))
        if message[0] in gates and message not in found.withheld
    ]  # fmt: skip
    if len(aside) and came is not None:
        order = {message: place for place, message in enumerate(messages(came))}
        asking.sort(key=lambda one: order[one.message])
    return asking


def _item(alone: Batch, message: Message, purpose: str, *, aside: bool) -> _Item:
    found = collect(alone)
    keys = found.evidence.keys
    return _Item(message, aside, purpose, keys, keys[found.carriers[0]], found.evidence.consents)


def _with_words_of(conn: psycopg.Connection[Any], collected: Collected, dropped: Iterable[_Item]) -> Collected:
    """The evidence, with what dropped items say of consent about people who are known already: a withdrawal must not be
    lost with the event that brought it. Of others nothing is kept, not even that they refused."""
    speaking = [one for one in dropped if one.said]
    if not speaking:
        return collected
    known = identity.known_among(conn, list({key: None for one in speaking for key in one.keys}))
    evidence = collected.evidence
    places = {key: place for place, key in enumerate(evidence.keys)}
    keys, seen, consents = list(evidence.keys), list(evidence.seen_us), list(evidence.consents)
    for one in speaking:
        holder = one.carrier if one.carrier in known else next((key for key in one.keys if key in known), None)
        if holder is None:
            continue
        if holder not in places:
            places[holder] = len(keys)
            keys.append(holder)
            seen.append(min(told.at_us for told in one.said))
        consents += [told._replace(key_index=places[holder]) for told in one.said]
    return replace(collected, evidence=replace(evidence, keys=keys, seen_us=seen, consents=consents))
