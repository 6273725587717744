"""Access: everything that is kept about a person, as a zip of JSON for people and programs (GDPR, article 15)."""

import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

import orjson

import campaigns.selectors as campaigns
import connectors.services as connectors
import events.selectors as events
import identity.selectors as identity
import segments.selectors as segments
from common import audit, clock, pg
from privacy.contracts import NotPossible


def write_everything(profile_id: int, out: IO[bytes], *, by: str, now: datetime, via: str = "ui") -> None:
    """Write the zip. Events go through one at a time, however many there are. Raises NotPossible for nobody."""
    profile = identity.profile_view(profile_id)
    if profile is None:
        raise NotPossible("There is no person with this id.")
    ids = identity.identifier_ids(profile.id)
    audit.record(
        actor=by, via=via, action="access.taken", object_type="profile", object_id=profile.id, at=now,
        summary="Took everything that is kept about a person",
    )  # fmt: skip
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "profile.json", {
            "profile_id": str(profile.id), "created_at": clock.iso(profile.created_at), "traits": profile.traits,
            "written_at": clock.iso(now),
        })  # fmt: skip
        _add(archive, "identifiers.json", [
            {"kind": one.kind, "value": one.value, "first_seen_at": clock.iso(one.first_seen_at)}
            for one in profile.identifiers
        ])  # fmt: skip
        _add(archive, "traits.json", identity.provenance(profile.id))
        _add(archive, "consents.json", identity.consent_history(profile.id, limit=100_000))
        _add(archive, "links.json", identity.links_of(profile.id))
        _add(archive, "segments.json", segments.memberships(profile.id))
        _add(archive, "channels.json", connectors.channel_standings(pg.raw(), profile_ids=[profile.id]))
        _add(archive, "messages.json", campaigns.sends_of(ids, limit=100_000))
        with archive.open("events.ndjson", "w", force_zip64=True) as file:
            for line in _event_lines(ids):
                file.write(line)


def _event_lines(identifier_ids: list[int]) -> Iterator[bytes]:
    for event in events.events_of(identifier_ids):
        yield _json(event) + b"\n"


def _add(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    archive.writestr(name, _json(content, orjson.OPT_INDENT_2))


def _json(content: Any, options: int = 0) -> bytes:
    return orjson.dumps(content, default=_plain, option=options | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value._asdict() if hasattr(value, "_asdict") else str(value)
