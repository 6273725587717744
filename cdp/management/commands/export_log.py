"""`manage.py export_log --out FOLDER`: what features read of people and events, as Parquet files."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import clock
from insights import services
from insights.contracts import BadFeature


class Command(BaseCommand):
    help = (
        "Write people and what features read of their events as Parquet files, for `manage.py features` with DuckDB or"
        " Spark. The files hold what single people did: keep them as safely as the database, and write them again after"
        " an erasure."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a log that is there is replaced")
        parser.add_argument("--features", default="", help="only what these read, by commas; else what any reads")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [one.strip() for one in options["features"].split(",") if one.strip()]
        try:
            view = services.export_log(options["out"], names=names, by="command line", now=clock.now())
        except (services.BadLog, BadFeature, OSError) as error:
            raise CommandError(str(error)) from error
        if options["format"] == "json":
            told = {"people": view.people, "events": view.events, "made_at": view.made_at.isoformat()}
            self.stdout.write(json.dumps({**told, "features": list(view.features)}))
        else:
            self.stdout.write(
                f"{view.people:,} people and {view.events:,} events, for {len(view.features)} features as of"
                f" {view.made_at.isoformat()} or before."
            )
