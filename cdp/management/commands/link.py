"""Link files: who is who in a CSV, Parquet or NDJSON file, or across two, without touching the database."""

import json
import shutil
import signal
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError

from identity.linkage import services

_HELP = """\
Find the records that are one person, in one file or across two. Columns are recognised by their names, else by their
values; --map tells what is wrong or missing. Nothing is learned from labels: --labels only grades the result.
"""


class Command(BaseCommand):
    help = _HELP
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "files", nargs="+", type=Path, metavar="FILE", help="one file, or two to link to one another"
        )
        parser.add_argument(
            "--out", type=Path, required=True, help="clusters: record_id, source, cluster_id (CSV or Parquet)"
        )
        parser.add_argument("--pairs", type=Path, help="pairs with probability and weights (Parquet or CSV)")
        parser.add_argument("--engine", choices=["duckdb", "recordlinkage", "spark"], default="duckdb")
        parser.add_argument("--map", type=Path, help="YAML: column: role (or ignore, other, id)")
        parser.add_argument(
            "--model", type=Path, help="JSON of a trained model; written with the trained one if it is not there"
        )
        parser.add_argument("--labels", type=Path, help="file with the columns record_id and cluster: grade the result")
        parser.add_argument("--memory", default="2GB", help="what the engine may use before it spills to disk")
        parser.add_argument(
            "--work", type=Path, help="folder of the run; a killed run goes on when started with the same one"
        )
        parser.add_argument(
            "--duplicates", action="store_true", help="a record of one file may match several of the other"
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        if len(options["files"]) > 2:
            raise CommandError("link takes one file, or two; put more into one file with a column `source`")
        folder = options["work"] or Path(tempfile.mkdtemp(prefix="cdp-link-"))
        began = time.monotonic()
        try:
            with _ending_in_order():
                result = services.link_files(
                    options["files"],
                    services.FileOptions(
                        out=options["out"],
                        pairs=options["pairs"],
                        engine=options["engine"],
                        told=_read_map(options["map"]),
                        model=options["model"],
                        labels=options["labels"],
                        memory=options["memory"],
                        duplicates=options["duplicates"],
                    ),
                    folder=folder,
                    tell=self.stderr.write if options["format"] == "text" else lambda line: None,
                )
        except services.UnreadableFile as error:
            raise CommandError(str(error)) from error
        finally:
            if options["work"] is None:
                shutil.rmtree(folder, ignore_errors=True)
        result["seconds"] = round(time.monotonic() - began, 1)
        self.stdout.write(json.dumps(result) if options["format"] == "json" else _in_words(result))


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Told to end (Ctrl-C, SIGTERM) the processes that clean end with the command, and its folder goes."""
    told: list[int] = []

    def end(number: int, frame: object) -> None:
        told.append(number)
        raise SystemExit(128 + number)

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except Exception as error:
        # Whatever a signal raises in a query or a stream, DuckDB makes errors of its own of it.
        if not told:
            raise
        raise SystemExit(128 + told[0]) from error
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _read_map(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        told = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise CommandError(f"the map {path} cannot be read: {error}") from error
    if not isinstance(told, dict):
        raise CommandError(f"the map {path} should be lines of `column: role`")
    return {str(name): str(role) for name, role in told.items()}


def _in_words(result: dict[str, Any]) -> str:
    expected = result["expected"]
    lines = [
        f"{result['records']:,} records are {result['entities']:,} people; {result['linked_records']:,} are linked.",
        f"Expected: precision {expected['precision']:.3f}, recall of what can be found {expected['recall']:.3f}, "
        f"{expected['matches']:,.0f} matching pairs; threshold {expected['threshold']:.3f}.",
    ]
    lines += [
        f"{name}: precision {g['precision']:.4f}, recall {g['recall']:.4f}, F1 {g['f1']:.4f}"
        for name, g in result["grades"].items()
    ]
    return "\n".join([*lines, *result["notes"], f"{result['seconds']} s"])
