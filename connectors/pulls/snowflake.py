"""Snowflake by its own connector and SQLAlchemy dialect, an extra: `pip install '.[snowflake]'`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connectors.destinations.errors import DeliveryError, Misconfigured
from connectors.destinations.kit import Account, Outside
from connectors.destinations.snowflake import destination as warehouse
from connectors.pulls.dialects import Dialect, too_slow

if TYPE_CHECKING:
    import sqlalchemy as sa


class Snowflake(Dialect):
    """A table or query of a warehouse. Each look wakes a warehouse up that is paid by the second."""

    label = "Snowflake"
    settings = warehouse.snowflake.settings
    # Results are fetched in parts; one statement gives at most so many rows.
    page = 200_000

    def problems(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
        return warehouse.check(settings, secrets)

    def engine(self, outside: Outside, account: Account, *, seconds: int) -> sa.Engine:
        import sqlalchemy as sa
        from sqlalchemy.pool import NullPool

        try:
            import snowflake.connector as connector
            import snowflake.sqlalchemy  # noqa: F401 - registers the dialect
        except ImportError as error:
            raise Misconfigured(
                "Snowflake's connector is not installed here: pip install '.[snowflake]'.", code="not_installed"
            ) from error
        options = warehouse.connection_options(outside, account, seconds=seconds)
        return sa.create_engine("snowflake://", creator=lambda: connector.connect(**options), poolclass=NullPool)

    def meaning(self, error: BaseException | None, text: str) -> DeliveryError | None:
        if int(getattr(error, "errno", 0) or 0) in _TOO_LONG:
            return too_slow()
        return warehouse.meaning(error)


# https://docs.snowflake.com/en/user-guide/querying-cancel-statements: cancelled by the statement timeout
_TOO_LONG = (604, 630)
