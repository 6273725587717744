"""A source that is asked for rows, and what has come of it."""

from typing import Any

import orjson
import zstandard
from django.db import connection

from cdp.pipeline.run import Applier
from common import clock
from connectors import selectors, services
from connectors.contracts import PullView
from connectors.pulls.contracts import Pulled
from privacy.services import suppressed_among
from tests.applying import apply_all

BY = "ann@example.com"


class Asked:
    """One source of the kind pull."""

    def __init__(self) -> None:
        self.id = services.create_source(name="Shop database", kind="pull", by=BY).id

    def setup(
        self, kind: str, settings: dict[str, Any], secrets: dict[str, str], *, mapping: dict[str, Any] | None = None
    ) -> PullView:
        """Keep the settings, and the mapping that is suggested unless another is given."""
        now = clock.now()
        services.keep_pull(source_id=self.id, kind=kind, settings=settings, secrets=secrets, by=BY, now=now)
        if mapping is None:
            shown = services.preview_pull(source_id=self.id, now=now)
            mapping = dict(shown.mapping)
            header = list(shown.header)
        else:
            header = [one["name"] for one in mapping["columns"]]
        return services.keep_pull_mapping(source_id=self.id, mapping=mapping, header=header, by=BY, now=clock.now())

    def pull(self, *, seconds: float = 30.0) -> Pulled:
        """A turn at once, whenever the next would be."""
        services.run_pull(source_id=self.id, by=BY, now=clock.now())
        return services.read_pulls(now=clock.now(), suppressed=suppressed_among, seconds=seconds)[self.id]

    @property
    def view(self) -> PullView:
        found = selectors.pull(self.id)
        assert found is not None
        return found


def came() -> list[dict[str, Any]]:
    """Items in the inbox, in the order in which they came."""
    with connection.cursor() as cursor:
        cursor.execute("select body from events_inbox order by id")
        bodies = [bytes(row[0]) for row in cursor.fetchall()]
    unpack = zstandard.ZstdDecompressor().decompress
    return [item for body in bodies for item in orjson.loads(unpack(body))["batch"]]


def apply() -> None:
    """Everything that waits."""
    applier = Applier()
    apply_all(applier, now=clock.now())
    applier.close()
