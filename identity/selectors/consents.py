"""What a person chose: the answers now, and the history with its evidence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from identity import consents
from identity.contracts import ConsentView, IdentifierKey
from identity.selectors.reading import fetch

_OF = """
select c.id, i.kind, i.value, c.purpose, c.channel, c.granted, c.said_at, c.repeated_at, c.recorded_at, c.source_id,
       c.means, c.text_version, c.evidence, c.by, c.ip, c.message_id
from identity_identifier named
join identity_identifier i on i.profile_id = named.profile_id
join identity_consent c on c.identifier_id = i.id
where named.id = %(id)s and (%(before)s::bigint is null or c.id < %(before)s)
order by c.id desc limit %(limit)s
"""
_WORDS = """
select c.purpose, c.channel, c.granted, c.means <> %(stamp)s,
       (extract(epoch from c.repeated_at) * 1000000)::bigint, c.said_at
from identity_identifier named
join identity_identifier i on i.profile_id = named.profile_id
join identity_consent c on c.identifier_id = i.id
where named.id = %(id)s
"""
_TOLD = """
select purpose, array_agg(distinct channel) filter (where channel <> '')
from identity_consent group by purpose order by purpose
"""


def consent_history(profile_id: int, *, before: int | None = None, limit: int = 50) -> list[ConsentView]:
    """The records of all identifiers of a profile, the latest recorded first."""
    rows = fetch(_OF, {"id": profile_id, "before": before, "limit": limit})
    return [ConsentView(row[0], IdentifierKey(row[1], row[2]), *row[3:]) for row in rows]


def consent_answers(profile_id: int) -> list[tuple[str, str, bool, datetime]]:
    """(purpose, channel, yes or no, said since) for each purpose, and each channel that something was said of."""
    by_purpose: dict[str, list[tuple[consents.Word, datetime]]] = {}
    for purpose, *word, since in fetch(_WORDS, {"id": profile_id, "stamp": consents.Means.STAMP}):
        by_purpose.setdefault(purpose, []).append((consents.Word(*word), since))
    found: list[tuple[str, str, bool, datetime]] = []
    for purpose, told in sorted(by_purpose.items()):
        for channel in sorted({word.channel for word, _ in told}):
            answer = consents.answer([word for word, _ in told], channel)
            if answer is not None:
                found.append((purpose, channel, answer, _since(told, channel, answer)))
    return found


def _since(told: Sequence[tuple[consents.Word, Any]], channel: str, answer: bool) -> datetime:
    """When what decides was said: the latest word to this effect."""
    fitting = [one for one in told if one[0].granted == answer and one[0].channel in (channel, "")]
    latest: datetime = max(fitting or list(told), key=lambda one: one[0].at_us)[1]
    return latest


def purposes_told() -> list[tuple[str, list[str]]]:
    """Every purpose that anybody chose about, with the channels."""
    return [(purpose, list(channels or ())) for purpose, channels in fetch(_TOLD)]
