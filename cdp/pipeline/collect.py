"""From events to evidence: which identifiers each event carries, and what they say of each other. Pure."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from cdp.pipeline.choices import chosen, is_choice
from events.contracts import Item, text
from events.services import Batch, message_hash
from identity.contracts import ClaimIn, ConsentIn, Evidence, IdentifierKey, kind_strength
from identity.services import standardise

_FROM_TRAITS = {
    "email": "email",
    "phone": "phone",
    "loyalty_id": "loyalty_id",
    "loyaltyId": "loyalty_id",
    "crm_id": "crm_id",
    "crmId": "crm_id",
}
_MARKS = (b'"traits"', b'"externalIds"', b'"device"')
_EXTERNAL_KIND = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")
_SIGNED = 1 << 63
_MAX_TRAITS = 200
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Collected:
    """The evidence of a batch, and for each event the position of the identifier it hangs on (-1: it carries none)."""

    evidence: Evidence
    carriers: list[int]


class _Collector:
    """Gathers distinct identifiers; the position of a raw value is remembered, so each is standardised once."""

    def __init__(self) -> None:
        self.keys: list[IdentifierKey] = []
        self.strength: list[int] = []
        self.seen_us: list[int] = []
        self.links: dict[tuple[int, int, str], int] = {}
        self.claims: list[ClaimIn] = []
        self.consents: list[ConsentIn] = []
        self._position: dict[str, dict[object, int]] = defaultdict(dict)
        self._by_key: dict[IdentifierKey, int] = {}

    def position(self, kind: str, raw: object, at_us: int) -> int:
        """Where this identifier stands among the batch's, or -1 when the value says nothing."""
        known = self._position[kind]
        try:
            place = known.get(raw)
        except TypeError:  # an object or a list where an id should be
            return -1
        if place is None:
            place = known[raw] = self._new(kind, raw, at_us)
        elif place >= 0 and at_us < self.seen_us[place]:
            self.seen_us[place] = at_us
        return place

    def _new(self, kind: str, raw: object, at_us: int) -> int:
        value = standardise(kind, text(raw) if isinstance(raw, float) else raw)
        if value is None:
            return -1
        key = IdentifierKey(kind, value)
        place = self._by_key.get(key)
        if place is None:
            place = self._by_key[key] = len(self.keys)
            self.keys.append(key)
            self.strength.append(kind_strength(kind))
            self.seen_us.append(at_us)
        elif at_us < self.seen_us[place]:
            self.seen_us[place] = at_us
        return place

    def link(self, a: int, b: int, at_us: int, basis: str) -> None:
        """Two identifiers came together; the earliest time counts."""
        if a == b:
            return
        pair = (a, b, basis) if a < b else (b, a, basis)
        known = self.links.get(pair)
        if known is None or at_us < known:
            self.links[pair] = at_us


def collect(batch: Batch) -> Collected:
    """What a batch of fresh events asserts about identifiers."""
    gathered = _Collector()
    carriers = [
        _collect_one(gathered, item, context, at_us, source_id, message_id, client_ip)
        for item, context, at_us, source_id, message_id, client_ip in zip(
            batch.items,
            batch.contexts,
            batch.occurred_us,
            batch.source_ids,
            batch.message_ids,
            batch.client_ips,
            strict=True,
        )
    ]
    links = [(a, b, at_us, basis) for (a, b, basis), at_us in gathered.links.items()]
    return Collected(
        Evidence(gathered.keys, gathered.seen_us, links, gathered.claims, gathered.consents), carriers
    )  # fmt: skip


def _collect_one(
    gathered: _Collector, item: Item, context: bytes, at_us: int, source_id: int, message_id: str,
    client_ip: str | None,
) -> int:  # fmt: skip
    places, traits = _identifiers(gathered, item, context, at_us)
    if not places:
        # A row that brings no key is a record of its source, known by its own message.
        places.append(gathered.position(f"record:{source_id}", message_id, at_us))
    if len(places) == 1:
        carrier = places[0]
    else:
        carrier = _carry(gathered, places, at_us)
    said = traits if item.type == "identify" else {}
    if said:
        _claim(gathered, carrier, said, source_id, at_us, message_id)
    for one in chosen(item, context, said):
        gathered.consents.append(
            ConsentIn(
                carrier, source_id, one.purpose, one.channel, one.granted, at_us, one.means, one.text_version,
                one.ip or client_ip or "", message_id=message_id,
            )
        )  # fmt: skip
    return carrier


def _identifiers(gathered: _Collector, item: Item, context: bytes, at_us: int) -> tuple[list[int], dict[str, Any]]:
    """The places of all identifiers that an item carries, and the traits that came with them."""
    places: list[int] = []
    if item.userId is not None and (place := gathered.position("user_id", item.userId, at_us)) >= 0:
        places.append(place)
    if item.anonymousId is not None and (place := gathered.position("anonymous_id", item.anonymousId, at_us)) >= 0:
        places.append(place)
    traits: dict[str, Any] = {}
    if item.type == "identify" or any(mark in context for mark in _MARKS):
        traits = _known_otherwise(gathered, item, context, places, at_us)
    if item.type == "alias":
        _alias(gathered, item, places, at_us)
    return places, traits


def _carry(gathered: _Collector, places: list[int], at_us: int) -> int:
    """The strongest of several identifiers; the others are linked to it."""
    carrier = min(places, key=lambda place: (gathered.strength[place], place))
    for place in places:
        gathered.link(carrier, place, at_us, "observed")
    return carrier


def _known_otherwise(gathered: _Collector, item: Item, context: bytes, places: list[int], at_us: int) -> dict[str, Any]:
    """Identifiers from the context and from traits are added to `places`; returns the traits of the person."""
    found: list[int] = []
    traits = _from_context(gathered, item, _object(context), found, at_us)
    if item.type == "identify":
        traits = {**traits, **_object(bytes(item.traits))}
    for name in _FROM_TRAITS.keys() & traits.keys():
        found.append(gathered.position(_FROM_TRAITS[name], traits[name], at_us))
    places.extend(place for place in found if place >= 0)
    return traits


def _alias(gathered: _Collector, item: Item, places: list[int], at_us: int) -> None:
    """`previousId` was an id of the same person. `userId == previousId` says nothing: some libraries send that."""
    previous = item.previousId
    if previous is None or previous == "" or previous == item.userId:
        return
    place = gathered.position("previous_id", previous, at_us)
    if place < 0:
        return
    if places:
        gathered.link(places[0], place, at_us, "alias")
    else:
        places.append(place)


def _from_context(
    gathered: _Collector, item: Item, context: dict[str, Any], places: list[int], at_us: int
) -> dict[str, Any]:
    """Devices and external ids of the context; returns its traits, unless they are a group's."""
    device = context.get("device")
    if isinstance(device, dict):
        # RudderStack's browser and mobile libraries repeat the anonymous id as device id: one is enough.
        if device.get("id") and device["id"] != item.anonymousId:
            places.append(gathered.position("device_id", device["id"], at_us))
        if device.get("token"):
            places.append(gathered.position("push_token", device["token"], at_us))
    external = context.get("externalIds")
    for entry in external[:20] if isinstance(external, list) else ():
        kind = str(entry.get("type", "")).strip().lower() if isinstance(entry, dict) else ""
        if _EXTERNAL_KIND.fullmatch(kind):
            places.append(gathered.position(kind, entry.get("id"), at_us))
    traits = context.get("traits")
    return traits if isinstance(traits, dict) and item.type != "group" else {}


def _claim(
    gathered: _Collector, carrier: int, traits: dict[str, Any], source_id: int, at_us: int, message_id: str
) -> None:
    tiebreak = message_hash(source_id, message_id) - _SIGNED
    for name, value in list(traits.items())[:_MAX_TRAITS]:
        if value is not None and value != "" and 0 < len(name) <= 200 and not is_choice(name, value):
            gathered.claims.append(ClaimIn(carrier, source_id, name, _encode(value), at_us, tiebreak))


def _object(raw: bytes) -> dict[str, Any]:
    if raw[:1] != b"{":
        return {}
    try:
        loaded = orjson.loads(raw)
    except orjson.JSONDecodeError:  # numbers beyond any float, or nesting beyond the parser: kept in the log, unread
        return {}
    return loaded if isinstance(loaded, dict) else {}
