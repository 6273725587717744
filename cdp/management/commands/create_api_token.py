"""`manage.py create_api_token NAME --scopes profiles:read,segments:read`."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from common import access, audit, clock

_BY = "command line"


class Command(BaseCommand):
    help = "Make a token for the REST API and print it. Its text is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        scopes = "; ".join(f"{name}: {meaning.lower()}" for name, meaning in access.SCOPES.items())
        parser.add_argument("name")
        parser.add_argument("--scopes", required=True, help=f"comma-separated: {scopes}")
        parser.add_argument("--days", type=int, help="days until it expires (default: never)")
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, *args: Any, name: str, scopes: str, days: int | None, format: str, **options: Any) -> None:
        expires_at = clock.now() + timedelta(days=days) if days else None
        try:
            with transaction.atomic():
                text, token = access.create_token(name=name, scopes=scopes.split(","), by=_BY, expires_at=expires_at)
                audit.record(
                    actor=_BY, via="cli", action="token.created", object_type="token", object_id=token.pk,
                    summary=f"Created the API token “{name}” with {', '.join(token.scopes)}",
                )  # fmt: skip
        except ValueError as error:
            raise CommandError(str(error)) from None
        if format == "json":
            found = {"id": token.pk, "name": name, "scopes": token.scopes, "token": text}
            self.stdout.write(json.dumps(found | {"expires_at": clock.iso(expires_at)}))
        else:
            self.stdout.write(f"token   {text}\nscopes  {', '.join(token.scopes)}\nIt is not shown again.")
