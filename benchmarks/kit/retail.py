"""Online Retail II (UCI, CC BY 4.0) taken in as a file: each line of an invoice is an event."""

import lzma
from pathlib import Path

_MAPPING = {
    "rows": "track", "event": "Order Completed",
    "cases": [{"column": "Invoice", "starts_with": "C", "event": "Line Returned"}],
    "columns": [
        {"name": "Customer ID", "to": "identifiers.user_id"},
        {"name": "InvoiceDate", "to": "timestamp"},
        {"name": "Invoice", "to": "properties.order_id"},
        {"name": "StockCode", "to": "properties.product_id"},
        {"name": "Quantity", "to": "properties.quantity", "kind": "number"},
        {"name": "Price", "to": "properties.price", "kind": "number"},
    ],
}  # fmt: skip


def take_in_retail(folder: Path) -> tuple[int, int]:
    """Import the file and apply it; answers the source and how many rows were good."""
    from cdp.pipeline.run import Applier
    from common import clock, pg
    from connectors import selectors, services
    from events import services as events

    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    source = services.create_source(name="Retail", kind="offline", by="bench", now=clock.now())
    content = lzma.decompress((folder / "online_retail_ii_2009_2010.csv.xz").read_bytes())
    draft = services.take_file(
        source_id=source.id, name="retail.csv", by="bench", now=clock.now(),
        chunks=iter([content[at : at + 2**20] for at in range(0, len(content), 2**20)]),
    )  # fmt: skip
    services.request_run(import_id=draft.id, mapping=_MAPPING, dry=False, by="bench", now=clock.now())
    services.run_imports(now=clock.now(), after=lambda: None)
    applier = Applier()
    while applier.apply_batch(now=clock.now()).taken:
        pass
    applier.close()
    done = selectors.one_import(draft.id)
    return source.id, done.counts.good if done and done.counts else 0
