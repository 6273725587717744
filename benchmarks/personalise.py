"""What it takes to say what slots show: requests at a fixed rate, for browsers and for servers, beside a bare endpoint
on the same web server in the same run.

`python benchmarks/personalise.py [--seconds 20] [--rate 200]`. Processor time is that of the web server, PostgreSQL and
Valkey together; the client is not in it.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit.report import Report
from kit.services import fresh_services

_PEOPLE = 2_000
_THREADS = 8
_FILL = (
    """insert into identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at)
    overriding system value select n, 'anonymous_id', 'device-' || n, n, n, '', now()
    from generate_series(1, %(people)s) n""",
    """insert into identity_profile (id, traits, created_at, updated_at)
    select n, jsonb_build_object('plan', case when n %% 3 = 0 then 'pro' else 'free' end, 'churn', n %% 100 / 100.0),
        now(), now() from generate_series(1, %(people)s) n""",
    "analyze identity_identifier", "analyze identity_profile",
)  # fmt: skip


class Found(NamedTuple):
    """Of one run: milliseconds of processor time a request, of waiting in order, and requests a second."""

    cpu_ms: float
    waits_ms: list[float]
    rate: float


def prepare() -> tuple[str, str]:
    """People, a segment of a third of them, three slots. The write key and a token."""
    from django.db import connection

    from campaigns import services
    from common import access, clock, pg
    from connectors.services import create_source
    from events.services import ensure_inbox
    from segments.services import create_segment

    now = clock.now()
    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=now)
    with connection.cursor() as cursor:
        for statement in _FILL:
            cursor.execute(statement, {"people": _PEOPLE} if "%(" in statement else None)
    create_segment(slug="pro", name="Pro", rule={"trait": "plan", "is": "eq", "value": "pro"}, by="bench", now=now)
    site = create_source(name="Site", kind="web", by="bench")
    metric = {"name": "Orders", "kind": "conversion", "event": "Order Completed"}
    variants = [{"key": key, "name": key, "weight": 1.0, "content": {"title": key}} for key in ("old", "new")]
    test = services.create_experiment(name="Button", variants=variants, metrics=[metric], by="bench", now=now)
    services.start_experiment(test.id, by="bench", now=now)
    shows: dict[str, dict[str, Any]] = {
        "members": {"when": {"segment": "pro"}, "show": {"contents": ["a"]}},
        "scored": {"when": {"score": "churn", "at_least": 0.5}, "show": {"contents": ["a"]}},
        "tested": {"show": {"experiment": "button"}},
    }
    for slug, rule in shows.items():
        services.create_slot(name=slug, slug=slug, by="bench", now=now, document={
            "default": {"title": "Hello"}, "fields": ["title"], "public": True, "sources": [site.id],
            "contents": [{"key": "a", "fields": {"title": "A"}}], "rules": [{"name": slug, **rule}],
        })  # fmt: skip
    token, _ = access.create_token(name="bench", scopes=["personalise"])
    return site.write_key, token


def processor_seconds(processes: list[psutil.Process]) -> float:
    """Of all of them and their children, ended ones included."""
    total = 0.0
    for process in processes:
        for one in [process, *process.children(recursive=True)]:
            try:
                times = one.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


def run(port: int, path: str, body: Any, headers: dict[str, str], processes: list[psutil.Process], *, seconds: float,
        rate: float) -> Found:  # fmt: skip
    """Ask at a fixed rate, whether or not the answers keep up: who waits is waited for (no coordinated omission)."""
    waits: list[float] = []
    begun, before = time.monotonic() + 0.5, processor_seconds(processes)
    each = int(seconds * rate / _THREADS)

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for turn in range(each):
            due = begun + (turn * _THREADS + number) / rate
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("POST", path, json.dumps(body(turn * _THREADS + number)), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{path} answered {answer.status}")
            waits.append((time.monotonic() - due) * 1000)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    cpu = processor_seconds(processes) - before
    return Found(cpu / len(waits) * 1000, sorted(waits), len(waits) / took)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=200)
    chosen = parser.parse_args()
    report = Report("personalise")
    # Every request is to do its work, also where the machine is busy and it takes longer than a page would wait.
    os.environ |= {
        "CDP_PERSONALISE_REQUESTS_PER_MINUTE": "1000000", "CDP_VISITOR_REQUESTS_PER_MINUTE": "1000000",
        "CDP_PERSONALISE_SECONDS": "30",
    }  # fmt: skip
    with fresh_services():
        key, token = prepare()
        from cdp.runner import children
        from tests.server import end_family, free_port

        port = free_port()
        words = list(children.web().command)
        words[words.index("--port") + 1] = str(port)
        web = subprocess.Popen(words, cwd=Path(__file__).resolve().parents[1])
        try:
            _await(port)
            _measure(report, port, key, token, seconds=chosen.seconds, rate=chosen.rate)
        finally:
            end_family(web, patience=10)
    return report.done()


def _measure(report: Report, port: int, key: str, token: str, *, seconds: float, rate: float) -> None:
    own = psutil.Process()  # the servers are its children

    def children_only(path: str, body: Any, headers: dict[str, str]) -> Found:
        return run(port, path, body, headers, own.children(), seconds=seconds, rate=rate)

    def browser(slots: list[str]) -> Any:
        return lambda n: {"writeKey": key, "anonymousId": f"device-{n % _PEOPLE + 1}", "slots": slots}

    def server(slots: list[str]) -> Any:
        return lambda n: {"identifiers": [f"anonymous_id:device-{n % _PEOPLE + 1}"], "slots": slots}

    bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    plain, everything = ["members", "scored"], ["members", "scored", "tested"]
    run(port, "/v1/personalise", browser(everything), {}, own.children(), seconds=3, rate=rate / 2)
    bare = children_only("/v1/m", lambda n: {}, {})
    for name, path, body, headers in (
        ("browsers, two slots", "/v1/personalise", browser(plain), {}),
        ("browsers, with an experiment", "/v1/personalise", browser(everything), {}),
        ("servers, two slots", "/api/v1/personalise", server(plain), bearer),
        ("servers, with an experiment", "/api/v1/personalise", server(everything), bearer),
    ):
        found = children_only(path, body, headers)
        p95 = found.waits_ms[int(len(found.waits_ms) * 0.95)]
        report.row(f"{name}: processor time", found.cpu_ms, "ms a request", reference="bare endpoint, same run",
                   ratio=found.cpu_ms / max(bare.cpu_ms, 1e-6))  # fmt: skip
        report.row(f"{name}: rate", found.rate, "requests a second", reference="bare endpoint, same run",
                   ratio=found.rate / bare.rate)  # fmt: skip
        base = bare.waits_ms[int(len(bare.waits_ms) * 0.95)]
        report.row(f"{name}: p95", p95, "ms", reference="bare endpoint, same run", ratio=p95 / base, most=30)


def _await(port: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", "/v1/m", b"{}")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    raise SystemExit(main())
