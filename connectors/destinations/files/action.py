"""Writing a batch of a sync as one file; the carriers (a folder, S3, SFTP) only put it in its place."""

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.destinations.files import rows
from connectors.destinations.kit import Account, Action, Delivered, Field, Outside, Payload, Verdict
from connectors.destinations.mapping import path

_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._ -]{0,99}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,60}")

FORMAT = Field(
    label="Format", type="choice", default="csv",
    choices=(("csv", "CSV"), ("ndjson", "NDJSON (JSON lines)"), ("parquet", "Parquet")),
)  # fmt: skip
LAYOUT = Field(
    label="Folders", type="choice", default="flat",
    choices=(("flat", "All files in one"), ("hive", "One a day (dt=…)")),
    help="One a day is how warehouses and lakes read a table of files.",
)  # fmt: skip
PREFIX = Field(label="File name begins with", default="")


class WriteRows(Action):
    """Write the batch as one file. Idempotent: the file's name is that of the batch, so a repeat writes it again."""

    slug = "append_rows"
    label = "Write rows"
    description = "A file for each batch, with an operation column: add, update or remove."
    fields = {
        "key": Field(
            label="Key columns",
            type="object",
            key=True,
            required=True,
            default={
                "profile_id": path("profile.id"),
                "identifier_kind": path("target.kind"),
                "identifier": path("target.value"),
            },
            help="What tells the reader who is meant. A removal has these columns alone.",
        ),
        "columns": Field(label="Columns", type="object", default={"segment": path("segment.slug")}),
    }
    batch_size = 5_000
    calls_per_second = 100.0

    @abstractmethod
    def put(self, outside: Outside, account: Account, name: str, content: bytes) -> None:
        """See that the file is there, whole; an equal one may be left alone. `name` may hold one folder. Raises
        DeliveryError."""

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        lines = [rows.as_row(payload) for payload in payloads]
        file_format = str(account.settings.get("format", "csv"))
        name = file_name(account.settings.get("prefix", ""), outside.run_id, outside.batch, file_format)
        if account.settings.get("layout") == "hive":
            # The day of the change, not of the try: a batch that is repeated after midnight is the same file again.
            name = f"dt={min(payload.at for payload in payloads):%Y-%m-%d}/{name}"
        self.put(outside, account, name, content_of(lines, rows.header(outside.mapping), file_format))
        return [Delivered(code="written", message=name) for _ in payloads]


def content_of(lines: Sequence[Mapping[str, Any]], columns: Sequence[str], file_format: str) -> bytes:
    """The bytes of a file of these rows."""
    if file_format == "parquet":
        return rows.as_parquet(lines, columns)
    return rows.as_csv(lines, columns) if file_format == "csv" else rows.as_ndjson(lines)


def file_name(prefix: str, run_id: int, batch: str, file_format: str) -> str:
    """`<prefix>-run000012-<batch>.csv`: sorts by run; equal for every try of the same batch and for nothing else."""
    start = f"{prefix}-" if prefix else ""
    return f"{start}run{run_id:09d}-{batch}.{file_format}"


def place_problems(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with `folder` and `prefix`: every folder that is not a plain relative one is refused."""
    found = []
    folder = str(settings.get("folder", ""))
    if folder and not all(_SEGMENT.fullmatch(part) for part in folder.split("/")):
        found.append("folder: name relative folders, such as crm/daily; no dots in front, no absolute path.")
    if not _PREFIX.fullmatch(str(settings.get("prefix", ""))):
        found.append("prefix: use letters, digits, _ and - (at most 60).")
    return found
