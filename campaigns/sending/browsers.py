"""Browsers that subscribe to web push."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.sending.contracts import NotPossible
from campaigns.sending.facts import digest_of
from campaigns.sending.models import PushSubscription
from common import crypto
from common.http import AddressRefused, checked_url
from identity import selectors as identity

_LONGEST = 2_000


@transaction.atomic
def subscribe_browser(kind: str, value: str, subscription: Any, *, now: datetime) -> None:
    """Keep what `PushManager.subscribe()` gave, for whoever has the identifier. Raises NotPossible."""
    kept = _checked(subscription)
    found = identity.find_identifiers([(kind, value)]).get((kind, value))
    if found is None:
        raise NotPossible("Nobody has this identifier yet. Send an event first.")
    PushSubscription.objects.update_or_create(
        contact=digest_of("webpush", kept["endpoint"]),
        defaults={"identifier_id": found, "secret": crypto.encrypt(json.dumps(kept)), "created_at": now},
    )


def _checked(given: Any) -> dict[str, Any]:
    keys = given.get("keys") if isinstance(given, Mapping) else None
    endpoint = given.get("endpoint") if isinstance(given, Mapping) else None
    texts = [endpoint, *((keys.get("p256dh"), keys.get("auth")) if isinstance(keys, Mapping) else (None, None))]
    if not all(isinstance(one, str) and 0 < len(one) <= _LONGEST for one in texts):
        raise NotPossible("This is no subscription: give what PushManager.subscribe() answered.")
    try:
        checked_url(str(endpoint))
    except AddressRefused as error:
        raise NotPossible(str(error)) from None
    return {"endpoint": endpoint, "keys": {"p256dh": texts[1], "auth": texts[2]}}
