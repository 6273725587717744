"""The kinds of pulls there are."""

from collections.abc import Mapping

from connectors.pulls.databases import Database
from connectors.pulls.dialects import Postgres
from connectors.pulls.hubspot import HubSpot
from connectors.pulls.mysql import MySql
from connectors.pulls.origin import Origin
from connectors.pulls.salesforce import Salesforce
from connectors.pulls.snowflake import Snowflake

ORIGINS: Mapping[str, Origin] = {
    "postgres": Database(Postgres()),
    "mysql": Database(MySql()),
    "snowflake": Database(Snowflake()),
    "hubspot": HubSpot(),
    "salesforce": Salesforce(),
}
