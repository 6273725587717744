"""200,000 events over HTTP while processes of the product are killed at random: none may be lost, none stored twice.

`python benchmarks/chaos.py [--events 200000] [--kills 20]`. A request that was not answered with 200 is sent
again, as every library does; what counts as acknowledged is what got a 200.
"""

import argparse
import contextlib
import json
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

import httpx
import psutil
from kit.product import Product, manage, running_product
from kit.report import Report

PER_REQUEST = 100
SENDERS = 3


class Sender(threading.Thread):
    """Sends its share of numbered events until each request has been acknowledged."""

    def __init__(self, product: Product, numbers: range) -> None:
        super().__init__()
        self.product, self.numbers = product, numbers
        self.acknowledged: list[str] = []
        self.failures = 0

    def run(self) -> None:
        with httpx.Client(auth=(self.product.write_key, ""), timeout=30) as client:
            for start in range(self.numbers.start, self.numbers.stop, PER_REQUEST):
                items = [event(n) for n in range(start, min(start + PER_REQUEST, self.numbers.stop))]
                self._send(client, items)

    def _send(self, client: httpx.Client, items: list[dict[str, Any]]) -> None:
        while True:
            try:
                answer = client.post(f"{self.product.url}/v1/batch", json={"batch": items})
                if answer.status_code == 200:
                    self.acknowledged += [item["messageId"] for item in items]
                    return
            except httpx.TransportError:
                pass
            self.failures += 1
            time.sleep(0.3)


def event(n: int) -> dict[str, Any]:
    """One numbered event; every twentieth says who it is."""
    base: dict[str, Any] = {"messageId": f"chaos-{n}", "anonymousId": f"device-{n % 5_000}"}
    if n % 20 == 0:
        return base | {
            "type": "identify",
            "userId": f"user-{n % 4_000}",
            "traits": {"email": f"u{n % 4_000}@x.example"},
        }
    return base | {"type": "track", "event": "Product Viewed", "properties": {"n": n}}


def roles(product: Product) -> dict[str, list[psutil.Process]]:
    """Every process of the tree but the supervisor, by what it does."""
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.Process(product.process.pid).children(recursive=True):
        try:
            found.setdefault(_role(process.cmdline()), []).append(process)
        except psutil.Error:
            continue
    found.pop("other", None)
    return found


def _role(words: list[str]) -> str:
    line = " ".join(words)
    if "celery" in words:
        return next((f"worker {name}" for name in ("pipeline", "work", "linkage") if f"{name}@%h" in words), "beat")
    return next((name for name in ("postgres", "valkey", "granian") if name in line), "other")


def kill_one(product: Product, rolls: random.Random) -> str:
    """Kill -9 a random process of a random role; says which."""
    found = roles(product)
    role = rolls.choice(sorted(found))
    with contextlib.suppress(psutil.NoSuchProcess):
        rolls.choice(found[role]).kill()
    return role


def main() -> int:
    """Run it and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    rolls, kills = random.Random(chosen.seed), Counter[str]()
    with running_product() as product:
        share = chosen.events // SENDERS
        parts = [range(n * share, chosen.events if n == SENDERS - 1 else (n + 1) * share) for n in range(SENDERS)]
        senders = [Sender(product, part) for part in parts]
        for sender in senders:
            sender.start()
        while any(sender.is_alive() for sender in senders) or sum(kills.values()) < chosen.kills:
            time.sleep(rolls.uniform(0.3, 2.5))
            if sum(kills.values()) < chosen.kills:
                kills[kill_one(product, rolls)] += 1
        manage("wait_idle", "--timeout", "300")
        stored = Counter(json.loads(line)["messageId"] for line in manage("export_events").splitlines())
        rebuilt = json.loads(manage("rebuild_profiles", "--format", "json"))
    acknowledged = {message for sender in senders for message in sender.acknowledged}
    lost = len(acknowledged - stored.keys())
    twice = sum(count - 1 for count in stored.values())
    report = Report("chaos")
    told = f"kills {dict(kills)}, seed {chosen.seed}, {sum(s.failures for s in senders)} requests sent again"
    report.row("events acknowledged", len(acknowledged), "events", reference=told)
    report.row("acknowledged events lost", lost, "events", most=0)
    report.row("events stored twice", twice, "events", most=0)
    report.row("identifiers that a full rebuild moves", rebuilt["identifiers_differing"], "identifiers", most=0)
    return report.done()


if __name__ == "__main__":
    sys.exit(main())
