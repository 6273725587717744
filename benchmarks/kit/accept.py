"""Load on the ingestion API with wrk, beside a bare application on the same server."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

OURS = "cdp.wsgi:application"
BARE = "kit.bare:application"
_SECONDS = 10
_CONNECTIONS = 16

_LUA = """
wrk.method = "POST"
wrk.headers["Authorization"] = "{authorization}"
wrk.headers["Content-Type"] = "application/json"
local bodies, n = {{}}, 0
for line in io.lines("{bodies}") do bodies[#bodies + 1] = line end
request = function()
  n = n % #bodies + 1
  return wrk.format(nil, "{path}", nil, bodies[n])
end
"""


def requests_per_second(application: str, *, events: int) -> float:
    """Requests answered with 200 a second, by one worker process with eight threads and 16 connections."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is missing: install it (`apt-get install wrk`) for the accept part")
    from common import clock, pg
    from connectors.services import create_source
    from events.services import ensure_inbox

    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=clock.now())
    key = create_source(name="Benchmark", kind="server", by="benchmark").write_key
    port = _free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "1",
               "--blocking-threads", "8", "--no-ws", "--log-level", "warning", application]  # fmt: skip
    project = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(project), str(project / "benchmarks")])
    server = subprocess.Popen(command, cwd=project, env=os.environ | {"PYTHONPATH": path})
    try:
        _await(port)
        return _wrk(wrk, port, key, events)
    finally:
        server.terminate()
        server.wait(20)


def _wrk(wrk: str, port: int, key: str, events: int) -> float:
    import base64

    authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    with tempfile.TemporaryDirectory() as folder:
        bodies, script = Path(folder, "bodies"), Path(folder, "load.lua")
        bodies.write_text("\n".join(_bodies(events)))
        path = "/v1/track" if events == 1 else "/v1/batch"
        script.write_text(_LUA.format(authorization=authorization, bodies=bodies, path=path))
        command = [wrk, "-t1", f"-c{_CONNECTIONS}", f"-d{_SECONDS}s", "-s", str(script), f"http://127.0.0.1:{port}"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"the server refused requests:\n{output}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if found is None:
        raise SystemExit(f"wrk said something unknown:\n{output}")
    return float(found[1])


def _bodies(events: int) -> list[str]:
    from datetime import UTC, datetime

    from kit.stream import Stream

    stream = Stream(start=datetime.now(UTC), people=10_000)
    bodies = [json.loads(body) for body, _ in stream.bodies(3_200)]
    if events > 1:
        return [json.dumps(body, separators=(",", ":")) for body in bodies]
    tracks = [item for body in bodies for item in body["batch"] if item["type"] == "track"]
    return [json.dumps(item, separators=(",", ":")) for item in tracks[:1_000]]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.post(f"http://127.0.0.1:{port}/v1/m", content=b"{}", timeout=2)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")
