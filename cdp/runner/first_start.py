"""Run in a process of its own at every start: migrate, then make what a newcomer needs, once.

One process for all of it, because each start of Django costs a second.
"""

import json
import secrets
import sys

import django
from django.core.management import call_command

from cdp import environment
from cdp.runner.postgres import write_private
from cdp.runner.report import CREDENTIALS_FILE, credentials

ADMIN = "admin@example.com"


def main() -> int:
    """Bring the database up to date; returns 0."""
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    _install_schedules()
    _make_room_for_events()
    folder = environment.data_folder()
    found = credentials(folder)
    made = {**found, **_make_missing(found)}
    if made != found:
        write_private(folder / CREDENTIALS_FILE, json.dumps(made, indent=1))
    return 0


def _install_schedules() -> None:
    """The clock does it too when it starts; here the page has them from the first moment."""
    from cdp import schedules

    schedules.install()


def _make_room_for_events() -> None:
    """The inbox's next hours, so that the first requests find their place."""
    from common import clock, pg
    from events.services import ensure_inbox

    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=clock.now())


def _make_missing(found: dict[str, str]) -> dict[str, str]:
    made: dict[str, str] = {}
    if "admin_password" not in found:
        made |= _admin()
    if "write_key" not in found:
        from connectors.services import create_source

        made["write_key"] = create_source(name="My website", kind="web", by=ADMIN).write_key
    if "api_token" not in found:
        from common.access import SCOPES, create_token

        made["api_token"] = create_token(name="First token", scopes=list(SCOPES), by=ADMIN)[0]
    return made


def _admin() -> dict[str, str]:
    """The first admin, unless the owner has made one by hand."""
    from common.models import User
    from common.roles import Role

    if User.objects.filter(role=Role.ADMIN).exists():
        return {}
    password = secrets.token_urlsafe(12)
    User.objects.create_user(ADMIN, password, role=Role.ADMIN, name="Admin")
    return {"admin_email": ADMIN, "admin_password": password}


if __name__ == "__main__":
    sys.exit(main())
