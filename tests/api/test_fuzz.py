"""The whole API under generated requests, by its own document: whatever comes, no answer is a 5xx."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.api.conftest import Api, World

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.slow
def test_no_generated_request_breaks_the_api(
    world: World, api: Callable[..., Api], live_server: LiveServer, tmp_path: Path
) -> None:
    world.identify("u1", plan="pro", email="ann@example.com")
    world.track("u1", "Order Completed", revenue=10)
    admin = api("admin:*")
    segment = admin.post("/segments", {"name": "Paying", "rule": {"trait": "plan", "is": "exists"}}).json()
    drop = admin.post("/destinations", {"kind": "filedrop", "name": "Drop"}).json()
    sync = admin.post("/syncs", {"name": "S", "segment": "paying", "destination_id": drop["id"]}).json()
    profile = admin.get("/profiles/user_id:u1").json()
    # `reference` is a profile in half of the addresses and a segment in the others; both have low ids here.
    known = {
        "reference": profile["id"],
        "destination_id": drop["id"],
        "sync_id": sync["id"],
        "source_id": world.source.id,
    }
    assert segment["size"] == 1
    config = tmp_path / "schemathesis.toml"
    config.write_text("[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in known.items()))
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run",
            f"{live_server.url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {admin.token}",
            "--max-examples", "4", "--max-time", "40", "--checks", CHECKS, "--phases", "coverage,fuzzing",
            "--max-failures", "20", "--no-color",
        ],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " 0 generated" not in done.stdout
