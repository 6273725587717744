"""The whole API under generated requests, by its own document: whatever comes, no answer is a 5xx.

The same requests each time, so that a red run means a change; `CDP_FUZZ_SECONDS=600` sends others for that long.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.api.conftest import Api, World

SECONDS = os.environ.get("CDP_FUZZ_SECONDS")
CHOICE = ("--max-examples", "12", "--max-time", SECONDS) if SECONDS else (
    "--generation-deterministic", "--max-examples", "4", "--max-time", "40"
)  # fmt: skip
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
            *CHOICE, "--checks", CHECKS, "--phases", "coverage,fuzzing",
            "--max-failures", "20", "--no-color",
        ],
        capture_output=True, text=True, timeout=120 + int(SECONDS or 0), check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[:9000] + done.stderr[-2000:]
    assert " 0 generated" not in done.stdout
