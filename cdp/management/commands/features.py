"""`manage.py features --out FILE`: features of everybody into a Parquet file, by PostgreSQL, DuckDB or Spark."""

import json
import time
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import clock
from insights import services
from insights.contracts import BadFeature


class Command(BaseCommand):
    help = (
        "Write features of everybody at an instant to a Parquet file: of the database, or with --engine duckdb or spark"
        " of a log that `manage.py export_log` wrote, without touching the database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=True, metavar="FILE")
        parser.add_argument("--engine", choices=["postgres", *services.ENGINES], default="postgres")
        parser.add_argument("--log", type=Path, metavar="FOLDER", help="the log, for duckdb and spark")
        parser.add_argument("--features", default="", help="these only, by commas; else all")
        parser.add_argument("--as-of", help="an instant in ISO 8601; else now, or when the log was made")
        parser.add_argument("--personal", action="store_true", help="texts that look personal as they are, not masked")
        parser.add_argument("--memory", default="2GB", help="what the engine may use before it spills to disk")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [one.strip() for one in options["features"].split(",") if one.strip()]
        as_of = _instant(options["as_of"]) if options["as_of"] else None
        began = time.monotonic()
        try:
            people = self._write(options, names, as_of)
        except (services.BadLog, BadFeature, OSError) as error:
            raise CommandError(str(error)) from error
        told = {"people": people, "seconds": round(time.monotonic() - began, 1)}
        words = f"Features of {people:,} people in {options['out']}, {told['seconds']} s."
        self.stdout.write(json.dumps(told) if options["format"] == "json" else words)

    def _write(self, options: dict[str, Any], names: list[str], as_of: datetime | None) -> int:
        out, personal, engine = options["out"], options["personal"], options["engine"]
        if engine == "postgres":
            if options["log"]:
                raise CommandError("--log is read by DuckDB and Spark: add --engine duckdb or --engine spark.")
            return services.features_of_database(out, names=names, as_of=as_of or clock.now(), personal=personal)
        if not options["log"]:
            raise CommandError(f"--engine {engine} reads a log: write one with `manage.py export_log --out FOLDER`, and"
                               " name it with --log FOLDER.")  # fmt: skip
        return services.features_of_log(
            options["log"], out, engine=engine, names=names, as_of=as_of, personal=personal, memory=options["memory"]
        )


def _instant(told: str) -> datetime:
    try:
        found = datetime.fromisoformat(told)
    except ValueError as error:
        raise CommandError(f"--as-of {told} is no instant: write it as 2026-03-01T00:00:00Z.") from error
    if found.tzinfo is None:
        raise CommandError(f"--as-of {told} names no zone: write it as {told}Z, or with +01:00.")
    return found
