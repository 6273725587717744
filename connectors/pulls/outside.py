"""What a pull may touch, for the length of a block."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from common.http import AllowList, Http
from common.outside import outside_settings
from connectors.destinations.kit import Account, Outside


@contextmanager
def opened(
    *, now: datetime, account_id: int, settings: Mapping[str, Any], secrets: Mapping[str, str]
) -> Iterator[tuple[Outside, Account]]:
    """The guarded client, and the account with its secrets in clear."""
    permitted = outside_settings()
    with Http(allow=AllowList.of(permitted.allow)) as http:
        outside = Outside(http=http, drop_folder=permitted.drop_folder, now=now)
        yield outside, Account(id=account_id, settings=settings, secrets=secrets)
