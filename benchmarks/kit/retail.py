"""Online Retail II (UCI, CC BY 4.0) taken in as a file: each line of an invoice is an event."""

import lzma
from pathlib import Path

from kit.files import take_in

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
    from connectors import selectors

    content = lzma.decompress((folder / "online_retail_ii_2009_2010.csv.xz").read_bytes())
    source_id, import_id = take_in("Retail", content, _MAPPING)
    done = selectors.one_import(import_id)
    return source_id, done.counts.good if done and done.counts else 0
