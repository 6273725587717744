"""`manage.py audit_consistency`."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cdp import consistency
from common import clock


class Command(BaseCommand):
    help = (
        "Count every segment in every way a reader may (pages, API, export, ledger, stored memberships) and what each"
        " channel acknowledged. Exit code 0 when all agree, else 1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, *args: Any, format: str, **options: Any) -> None:
        found = consistency.audit_and_keep(now=clock.now(), by="manage.py")
        if format == "json":
            self.stdout.write(json.dumps(found.as_json()))
        else:
            self._table(found)
        if found.problems:
            raise SystemExit(1)

    def _table(self, found: consistency.Audit) -> None:
        self.stdout.write(f"version {found.version}")
        for one in found.segments:
            counts = f"pages {one.ui}, API {one.api}, export {one.export}, ledger {one.fold}, stored {one.bits}"
            self.stdout.write(f"  {'same  ' if one.agree else 'DIFFER'}  {one.slug}: {counts}")
        for sync in found.syncs:
            state = "lags  " if not sync.settled else "same  " if sync.agrees else "DIFFER"
            self.stdout.write(
                f"  {state}  sync {sync.name}: {sync.members} members at version {sync.version}, {sync.acknowledged}"
                f" acknowledged, {sync.refused} refused, {sync.skipped} without identifier, {sync.waiting} on the way"
            )
        for problem in found.problems:
            self.stdout.write(problem)
