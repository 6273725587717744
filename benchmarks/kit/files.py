"""Files taken in as the product does it: kept, read by their mapping, applied."""

from collections.abc import Mapping
from typing import Any


def take_in(name: str, content: bytes, mapping: Mapping[str, Any]) -> tuple[int, int]:
    """A source of this name with a CSV that is in the log; answers the source's id and the import's."""
    # They need Django's settings.
    from cdp.pipeline.run import Applier
    from common import clock, pg
    from connectors import services
    from events import services as events

    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    source = services.create_source(name=name, kind="offline", by="bench", now=clock.now())
    draft = services.take_file(
        source_id=source.id, name=f"{name.lower()}.csv", by="bench", now=clock.now(),
        chunks=iter([content[at : at + 2**20] for at in range(0, len(content), 2**20)]),
    )  # fmt: skip
    services.request_run(import_id=draft.id, mapping=mapping, dry=False, by="bench", now=clock.now())
    services.run_imports(now=clock.now(), after=lambda: None)
    applier = Applier()
    while applier.apply_batch(now=clock.now()).taken:
        pass
    applier.close()
    return int(source.id), int(draft.id)
