"""`manage.py export_events [--source S]`: NDJSON on standard output."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp.api import exports, ndjson
from connectors import selectors


class Command(BaseCommand):
    help = "Write every stored event as NDJSON, one a line, in Segment's field names."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", help="only this source: id, slug or name")
        parser.add_argument("--format", choices=["json"], default="json", help="always one JSON object a line")

    def handle(self, *args: Any, source: str | None, **options: Any) -> None:
        source_id = None if source is None else self._source_id(source)
        ndjson.write(self.stdout, exports.events(source_id=source_id))

    def _source_id(self, wanted: str) -> int:
        for one in selectors.sources():
            if wanted in (str(one.id), one.slug, one.name):
                return int(one.id)
        raise CommandError(f"There is no source {wanted!r}.")
