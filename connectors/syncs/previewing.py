"""What a mapping gives for somebody who is in the segment now, before anything is sent. Reads only."""

from collections.abc import Mapping
from typing import Any

from connectors.destinations.contracts import InvalidSettings
from connectors.destinations.models import Destination
from connectors.destinations.registry import DESTINATIONS
from connectors.syncs import people
from connectors.syncs.checking import channel_kept, mapping_problems, purposes_kept, purposes_of
from connectors.syncs.contracts import Sample
from connectors.syncs.rendering import Recipe, render_people

_LOOKED_AT = 50


def preview_payload(
    *,
    destination_id: int,
    action: str,
    mapping: Mapping[str, Any],
    segment_id: int,
    identifier_kind: str,
    consent: str = "",
    consent_channel: str = "",
) -> Sample:
    """The fields of the first of some members for whom the mapping gives any, and why others give none.

    Raises InvalidSettings with everything that is wrong with the mapping.
    """
    destination = Destination.objects.get(pk=destination_id)
    chosen = DESTINATIONS[destination.kind].actions[action]
    problems = mapping_problems(mapping, chosen.fields)
    if problems:
        raise InvalidSettings(problems)
    kind = identifier_kind or chosen.identifier_kind
    recipe = Recipe(
        0, kind, chosen, mapping, people.segment_facts(segment_id), purposes_of(purposes_kept(consent)),
        channel_kept(consent_channel),
    )  # fmt: skip
    members = people.first_members(segment_id=segment_id, limit=_LOOKED_AT)
    known = people.read_people(members)
    rendered = render_people(known.values(), recipe)
    first = rendered.targets[0] if rendered.targets else None
    return Sample(
        profile_id=first.profile_id if first else None,
        fields=dict(first.fields) if first else {},
        looked_at=len(members),
        rows=len(rendered.targets),
        skipped=dict(rendered.skipped),
        personal=people.personal_of(known[first.profile_id]) if first else (),
    )
