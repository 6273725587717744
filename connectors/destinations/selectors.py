"""Reading destinations."""

import json
from collections.abc import Mapping

from common import crypto
from connectors.destinations.contracts import ActionView, DestinationView, KindView
from connectors.destinations.kit import default_mapping
from connectors.destinations.models import Destination
from connectors.destinations.registry import DESTINATIONS


def destinations() -> list[DestinationView]:
    """All destinations by name."""
    return [view(row) for row in Destination.objects.order_by("name", "id")]


def destination(destination_id: int) -> DestinationView | None:
    """One destination, or None."""
    row = Destination.objects.filter(pk=destination_id).first()
    return view(row) if row else None


def destination_kinds() -> list[KindView]:
    """Every kind that can be set up, with the fields of its form."""
    return [
        KindView(
            slug=kind.slug,
            label=kind.label,
            description=kind.description,
            settings=kind.settings,
            actions=tuple(
                ActionView(
                    slug=action.slug,
                    label=action.label,
                    description=action.description,
                    fields=action.fields,
                    default_mapping=default_mapping(action),
                    identifier_kind=action.identifier_kind,
                )
                for action in kind.actions.values()
            ),
        )
        for kind in DESTINATIONS.values()
    ]


def view(row: Destination, *, shown_once: Mapping[str, str] | None = None) -> DestinationView:
    """The contract of one row."""
    kind = DESTINATIONS.get(row.kind)
    return DestinationView(
        id=row.pk,
        kind=row.kind,
        kind_label=kind.label if kind else row.kind,
        name=row.name,
        settings=row.settings,
        secrets_set=_secret_names(row),
        state=row.state,
        state_reason=row.state_reason,
        calls_per_second=row.calls_per_second,
        rest_until=row.rest_until,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_tested_at=row.last_tested_at,
        last_test_result=row.last_test_result,
        shown_once=shown_once or {},
    )


def _secret_names(row: Destination) -> tuple[str, ...]:
    try:
        return tuple(sorted(json.loads(crypto.decrypt(row.secrets)))) if row.secrets else ()
    except crypto.CannotDecrypt:
        return ()
