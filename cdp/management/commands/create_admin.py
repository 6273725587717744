"""Make an admin, or give one a new password."""

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from cdp.environment import envsecret
from cdp.runner.postgres import write_private
from cdp.runner.report import CREDENTIALS_FILE, credentials
from common.models import User
from common.roles import Role


class Command(BaseCommand):
    help = "Make an admin, or give an existing person the admin role and a new password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default="admin@example.com")
        parser.add_argument("--password", help="else CDP_ADMIN_PASSWORD or CDP_ADMIN_PASSWORD_FILE, else a random one")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        password = options["password"] or envsecret("CDP_ADMIN_PASSWORD") or secrets.token_urlsafe(12)
        user, created = User.objects.get_or_create(email=email, defaults={"role": Role.ADMIN, "name": "Admin"})
        user.role = Role.ADMIN
        user.is_active = True
        user.set_password(password)
        user.save()
        _tell_the_next_start(email, password)
        if options["format"] == "json":
            self.stdout.write(json.dumps({"email": email, "password": password, "created": created}))
        else:
            self.stdout.write(f"{'Made' if created else 'Changed'} admin {email}, password {password}")


def _tell_the_next_start(email: str, password: str) -> None:
    """Where the first start keeps what it prints, the old password would be printed for ever."""
    found = credentials(settings.DATA_FOLDER)
    if found.get("admin_email") == email:
        told = json.dumps({**found, "admin_password": password}, indent=1)
        write_private(settings.DATA_FOLDER / CREDENTIALS_FILE, told)
