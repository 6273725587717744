"""`manage.py import_file FILE --source SLUG`: what a file would do, or take it in."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp.nudge import APPLY_INBOX, of
from common import clock
from connectors import selectors, services
from connectors.contracts import BadMapping, UnreadableFile

_MEGABYTE = 1024 * 1024


class Command(BaseCommand):
    help = "Take in a CSV, TSV, NDJSON, XLSX or Parquet file (also packed). Without --mapping the columns are guessed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", help="slug of the source; not needed with --dry-run")
        parser.add_argument("--mapping", type=Path, help="JSON as --show-mapping prints it")
        parser.add_argument("--show-mapping", action="store_true", help="print the guessed mapping and stop")
        parser.add_argument("--dry-run", action="store_true", help="count what would come in, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        mapping = json.loads(options["mapping"].read_text(encoding="utf-8")) if options["mapping"] else None
        try:
            if options["show_mapping"]:
                self._print(services.suggested_mapping(path))
            elif options["dry_run"]:
                self._print(asdict(services.check_file(path, mapping=mapping)))
            else:
                self._take(path, options["source"], mapping)
        except BadMapping as wrong:
            raise CommandError("\n".join(wrong.problems)) from None
        except (UnreadableFile, services.NotNow) as wrong:
            raise CommandError(str(wrong)) from None

    def _take(self, path: Path, slug: str | None, mapping: dict[str, Any] | None) -> None:
        source = next((one for one in selectors.sources() if one.slug == slug), None)
        if source is None:
            known = ", ".join(one.slug for one in selectors.sources()) or "(none yet)"
            raise CommandError(f"There is no source {slug!r}. Known: {known}.")
        draft = services.take_file(
            source_id=source.id, name=path.name, chunks=_pieces(path), by="command line", now=clock.now()
        )
        services.request_run(
            import_id=draft.id, mapping=mapping or draft.mapping, dry=False, by="command line", now=clock.now()
        )
        # A worker may be at it already: then it is followed, not done twice.
        services.run_imports(now=clock.now(), after=of(APPLY_INBOX), only=draft.id)
        done = selectors.one_import(draft.id)
        if done is None or done.error:
            raise CommandError(done.error if done else "The import is gone.")
        self._print(asdict(done.counts) if done.counts else {"state": done.state, "job": done.job_id})

    def _print(self, told: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_MEGABYTE):
            yield piece
