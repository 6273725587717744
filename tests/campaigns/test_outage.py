"""PostgreSQL and Valkey of their own that are really stopped while a web server answers what slots show."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdp.environment import PROJECT_FOLDER
from cdp.runner import children, processes, services
from tests.server import end_family, free_port

pytestmark = pytest.mark.slow
_PATIENCE = 120.0
# One person, one slot that is public, one token.
_MAKE = """
import django, json
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.db import connection
from campaigns import services
from common import access, clock
from connectors.services import create_source
site = create_source(name="Site", kind="web", by="test")
with connection.cursor() as cursor:
    cursor.execute("insert into identity_identifier (kind, value, component_id, profile_id, quarantine, first_seen_at)"
                   " values ('anonymous_id', 'device-1', 1, 1, '', now()) returning id")
    number = cursor.fetchone()[0]
    cursor.execute("update identity_identifier set component_id = id, profile_id = id")
    cursor.execute("insert into identity_profile (id, traits, created_at, updated_at)"
                   " values (%s, '{\\"plan\\": \\"pro\\"}', now(), now())", [number])
services.create_slot(name="Banner", by="test", now=clock.now(), document={
    "default": {"title": "Hello"}, "fields": ["title"], "public": True, "sources": [site.id],
    "contents": [{"key": "pro", "fields": {"title": "Pro"}}],
    "rules": [{"name": "P", "when": {"rule": {"trait": "plan", "is": "eq", "value": "pro"}},
               "show": {"contents": ["pro"]}}],
})
text, _ = access.create_token(name="asker", scopes=["personalise"])
print(json.dumps({"key": site.write_key, "token": text}))
"""


class House:
    """The two servers and a web server in front of them."""

    def __init__(self, folder: Path) -> None:
        self.plan = services.prepare(folder)
        self.port = free_port()
        mine = {key: value for key, value in os.environ.items() if not key.startswith("CDP_")}
        self.environment = {**mine, "CDP_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "cdp.settings"}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.told: dict[str, str] = {}

    def start(self, name: str) -> None:
        """`postgres` or `valkey`."""
        server = next(one for one in self.plan.servers() if one.name == name)
        self.running[name] = services.launch(self.plan, server)

    def stop(self, name: str) -> None:
        server = next(one for one in self.plan.servers() if one.name == name)
        processes.stop(self.running.pop(name), stop_signal=server.stop_signal, patience=60)

    def open(self) -> None:
        """Fill the database, and start the web server."""
        assert self.plan.cluster is not None
        self.plan.cluster.create_database()
        command = [sys.executable, "-c", _MAKE]
        done = subprocess.run(
            command, cwd=PROJECT_FOLDER, env=self.environment, stdout=subprocess.PIPE, check=True, timeout=_PATIENCE * 3
        )
        self.told = json.loads(done.stdout)
        self.serve()

    def serve(self) -> None:
        """Start the web server."""
        words = list(children.web().command)
        words[words.index("--port") + 1] = str(self.port)
        self.running["web"] = subprocess.Popen(words, cwd=PROJECT_FOLDER, env=self.environment)
        wait_until(self._reached)

    def _reached(self) -> bool:
        try:
            return httpx.post(f"http://127.0.0.1:{self.port}/v1/m", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def browser(self) -> Any:
        """What a browser gets."""
        body = {"writeKey": self.told["key"], "anonymousId": "device-1", "slots": ["banner"]}
        return httpx.post(
            f"http://127.0.0.1:{self.port}/v1/personalise", content=json.dumps(body), timeout=30, trust_env=False
        )

    def server(self) -> Any:
        """What another server gets."""
        return httpx.post(
            f"http://127.0.0.1:{self.port}/api/v1/personalise", timeout=30, trust_env=False,
            json={"identifiers": ["anonymous_id:device-1"], "slots": ["banner"]},
            headers={"Authorization": f"Bearer {self.told['token']}"},
        )  # fmt: skip

    def titles(self) -> tuple[str, str]:
        """What each of them is shown, or the problem it is told of."""
        seen, asked = self.browser(), self.server()
        return (
            seen.json()["slots"]["banner"]["content"]["title"] if seen.status_code == 200 else seen.text,
            asked.json()["data"][0]["content"]["title"] if asked.status_code == 200 else asked.text,
        )


def wait_until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not so():
        assert time.monotonic() < deadline, "two minutes went by"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="cdp-outage-"))
    found = House(folder)
    try:
        found.start("postgres")
        found.start("valkey")
        found.open()
        yield found
    finally:
        if "web" in found.running:
            end_family(found.running.pop("web"), patience=30)
        for name in list(found.running):
            found.stop(name)
        shutil.rmtree(folder, ignore_errors=True)


def test_whatever_is_stopped_everybody_is_shown_something_and_all_comes_back(house: House) -> None:
    wait_until(lambda: house.titles() == ("Pro", "Pro"))

    house.stop("valkey")
    wait_until(lambda: house.titles() == ("Pro", "Pro"))  # slower, and no less right

    house.stop("postgres")
    assert house.titles() == ("Hello", "Hello")
    told = house.server().json()["data"][0]
    assert (told["reason"], told["fallback"]) == ("unavailable", True)
    assert house.browser().json()["slots"]["banner"]["fallback"] is True

    # A process that has never read the slots cannot know them, and says so; the page keeps what stands in it.
    end_family(house.running.pop("web"), patience=30)
    house.serve()
    assert [one.status_code for one in (house.browser(), house.server())] == [503, 503]

    house.start("postgres")
    wait_until(lambda: house.titles() == ("Pro", "Pro"))
    house.start("valkey")
    wait_until(lambda: house.titles() == ("Pro", "Pro"))
