"""Whether the receipt of an erasure is as it was signed."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common import clock
from privacy import services as privacy


class Command(BaseCommand):
    help = "Check the signature of an erasure's receipt by the key of this installation, or by one that is given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--public-key", default="", help="base64, as the API tells it; this installation's when left out"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            receipt = json.loads(options["file"].read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"The file cannot be read as JSON: {error}") from error
        key = options["public_key"] or privacy.public_key(now=clock.now())
        if not isinstance(receipt, dict) or not privacy.verify(receipt, public_key=key):
            raise CommandError("The receipt is not as it was signed, or another installation signed it.")
        document = receipt["document"]
        self.stdout.write(
            f"Good. Erasure {document['erasure']}, done {document['done_at']}: "
            f"{sum(document['stores'].values())} rows in {len(document['stores'])} stores, "
            f"{len(document['channels'])} channels."
        )
