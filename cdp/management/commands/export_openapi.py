"""`manage.py export_openapi`: writes docs/openapi.json, which a test holds equal to the code."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from cdp.api.documents import document_text


class Command(BaseCommand):
    help = "Write the OpenAPI document of the REST API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", default="docs/openapi.json", help="- writes to standard output")

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        if file == "-":
            self.stdout.write(document_text(), ending="")
        else:
            Path(file).write_text(document_text(), encoding="utf-8")
