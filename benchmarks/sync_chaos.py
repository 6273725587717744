"""Channels that fail, hang, lose answers and forget, while memberships change and workers are killed.

`python benchmarks/sync_chaos.py [--people 3000] [--seconds 60] [--kills 8]`. Afterwards every channel must hold exactly
the members of the ledger, and nothing may have been told twice with another effect. The whole product runs. Beside it:
what a dead and a hanging channel take from the speed of a healthy one.
"""

import argparse
import os
import random
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from chaos import roles
from kit.channels import Channel, Faults, MailingList, Webhook, listening
from kit.product import Product, manage, running_product
from kit.report import Report

PER_REQUEST = 100


def send(product: Product, client: httpx.Client, people: list[int], plans: random.Random, tick: int) -> None:
    """Let these people have other plans; sent again until it is acknowledged."""
    for start in range(0, len(people), PER_REQUEST):
        batch = [
            {
                "type": "identify", "messageId": f"plan-{tick}-{one}", "userId": f"user-{one}",
                "traits": {"plan": plans.choice(("free", "pro")), "email": f"user{one}@example.com"},
            }
            for one in people[start : start + PER_REQUEST]
        ]  # fmt: skip
        while client.post(f"{product.url}/v1/batch", json={"batch": batch}).status_code != 200:
            time.sleep(0.2)


def connect(name: str, channel: Channel, segment_id: int, *, lists: bool = False) -> int:
    """A destination and a sync; the sync's id."""
    from connectors import services

    now = datetime.now(UTC)
    more: dict[str, Any] = {"kind": "webhook", "settings": {"url": channel.url}}
    if lists:
        more = {"kind": "iterable", "settings": {"base_url": channel.url}, "secrets": {"api_key": "bench"}}
    made = services.create_destination(name=name, by="bench", now=now, calls_per_second=2_000, **more)
    mapping = {"list_id": "1", "email": {"@path": "target.value"}} if lists else None
    return services.create_sync(
        segment_id=segment_id, destination_id=made.id, name=name, mapping=mapping, by="bench", now=now
    ).id


def settle(sync_ids: list[int]) -> None:
    """What an operator does after an outage: resume, replay what was given up, compare everything, and wait."""
    from connectors import selectors, services

    for round_ in range(3):
        manage("wait_idle", "--timeout", "540") if not round_ else _wait(sync_ids)
        for sync_id in sync_ids:
            view = selectors.sync(sync_id)
            assert view is not None
            services.resume_destination(destination_id=view.destination_id, by="bench")
            services.retry_failed(sync_id=sync_id, by="bench", now=datetime.now(UTC))
            services.run_now(sync_id=sync_id, by="bench")
    _wait(sync_ids)


def _wait(sync_ids: list[int]) -> None:
    from connectors import selectors
    from connectors.syncs.models import Sync

    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        waiting = Sync.objects.filter(pk__in=sync_ids, resync_wanted=True).exists()
        views = [selectors.sync(one) for one in sync_ids]
        if not waiting and not any(view and (view.pending or view.lag) for view in views):
            return
        time.sleep(0.5)


def expected(segment_id: int, *, addresses: bool) -> set[str]:
    """Who the ledger says is there, as the channel names them."""
    from segments import selectors

    ids: list[int] = []
    while page := selectors.members(segment_id, after_profile=ids[-1] if ids else None, limit=10_000):
        ids += page
    if not addresses:
        return {str(one) for one in ids}
    from identity import selectors as identity

    found = identity.profiles_by_id(ids)
    return {key.value for view in found.values() for key in view.identifiers if key.kind == "email"}


def kill_worker(product: Product, rolls: random.Random) -> bool:
    """Kill -9 the worker that delivers, as a whole or one of its processes."""
    found = roles(product).get("worker work", [])
    if found:
        rolls.choice(found).kill()
    return bool(found)


def fill_rate(segment_id: int, healthy: Webhook, name: str, people: int) -> float:
    """Rows a second of a first fill of a healthy channel."""
    began = time.monotonic()
    connect(name, healthy, segment_id)
    while len(healthy.members) < people and time.monotonic() - began < 300:
        time.sleep(0.02)
    return people / (time.monotonic() - began)


@dataclass
class Scene:
    """The channels of one run, and what happened."""

    flaky: Webhook = field(default_factory=lambda: Webhook(faults=Faults(fail=0.15, lose_answer=0.1)))
    slow: Webhook = field(default_factory=lambda: Webhook(faults=Faults(hang=0.02, lose_answer=0.05, hang_seconds=16)))
    mailing: MailingList = field(default_factory=lambda: MailingList(faults=Faults(fail=0.1, lose_answer=0.15)))
    dead: Webhook = field(default_factory=lambda: Webhook(faults=Faults(fail=1.0)))
    alone: Webhook = field(default_factory=Webhook)
    beside: Webhook = field(default_factory=Webhook)
    kills: int = 0
    forgotten: int = 0
    ticks: int = 0
    rates: tuple[float, float] = (0.0, 0.0)
    differing: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    @property
    def channels(self) -> tuple[Channel, ...]:
        return self.flaky, self.slow, self.mailing, self.dead, self.alone, self.beside


def play(scene: Scene, product: Product, people: int, seconds: int, kills: int, rolls: random.Random) -> None:
    """Fill, storm, calm, and compare."""
    from segments import selectors, services

    now = datetime.now(UTC)
    pros = services.create_segment(name="Pro", rule={"trait": "plan", "is": "eq", "value": "pro"}, by="bench", now=now)
    known = services.create_segment(name="Known", rule={"trait": "plan", "is": "exists"}, by="bench", now=now)
    with httpx.Client(auth=(product.write_key, ""), timeout=30) as client:
        send(product, client, list(range(people)), rolls, 0)
        manage("wait_idle", "--timeout", "120")
        without = fill_rate(known.id, scene.alone, "Alone", people)
        syncs = [
            connect("Flaky", scene.flaky, pros.id), connect("Slow", scene.slow, pros.id),
            connect("List", scene.mailing, pros.id, lists=True),
        ]  # fmt: skip
        connect("Dead", scene.dead, known.id)
        time.sleep(3)
        scene.rates = (without, fill_rate(known.id, scene.beside, "Beside", people))
        storm(scene, product, client, people, seconds, kills, rolls)
    for channel in scene.channels:
        channel.faults = Faults()
    settle(syncs)
    by_id, by_address = expected(pros.id, addresses=False), expected(pros.id, addresses=True)
    scene.differing = {
        "flaky": len(scene.flaky.members ^ by_id), "slow": len(scene.slow.members ^ by_id),
        "list": len(scene.mailing.members ^ by_address),
    }  # fmt: skip
    scene.rows = selectors.head_seq()


def storm(
    scene: Scene, product: Product, client: httpx.Client, people: int, seconds: int, kills: int, rolls: random.Random
) -> None:
    """Memberships change, workers die, a list forgets."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        scene.ticks += 1
        send(product, client, rolls.sample(range(people), people // 20), rolls, scene.ticks)
        if scene.kills < kills and rolls.random() < 0.3:
            scene.kills += kill_worker(product, rolls)
        if rolls.random() < 0.2:
            scene.forgotten += scene.mailing.forget(0.05)
        time.sleep(rolls.uniform(0.2, 1.2))


def tell(scene: Scene, seed: int) -> int:
    """The report, and the exit code."""
    report = Report("sync_chaos")
    told = (
        f"{scene.kills} workers killed, {scene.ticks} rounds of changes, {scene.rows} rows of the ledger, seed {seed}"
    )
    calls = {"flaky": scene.flaky.calls, "slow": scene.slow.calls, "list": scene.mailing.calls}
    report.row("calls to channels that fail, hang and forget", sum(calls.values()), "calls", reference=str(calls))
    report.row("members that the list lost meanwhile", scene.forgotten, "members", reference=told)
    for name, count in scene.differing.items():
        report.row(f"{name}: members that differ from the ledger", count, "members", most=0)
    repeated, changed = (
        sum(getattr(one, name) for one in (scene.flaky, scene.slow)) for name in ("repeated", "changed_bodies")
    )
    report.row("calls repeated under the same key", repeated, "calls")
    report.row("of those, with another content", changed, "calls", most=0)
    without, beside = scene.rates
    report.row(
        "first fill of a healthy channel beside a dead, a failing and a hanging one", beside, "rows/s",
        reference=f"alone {without:.0f} rows/s", ratio=beside / without, least=0.5 * without,
    )  # fmt: skip
    return report.done()


def main() -> int:
    """Run it and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=3_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=5)
    chosen = parser.parse_args()
    os.environ["CDP_OUTBOUND_ALLOW"] = "127.0.0.1"
    scene = Scene()
    with listening(*scene.channels), running_product() as product:
        play(scene, product, chosen.people, chosen.seconds, chosen.kills, random.Random(chosen.seed))
    return tell(scene, chosen.seed)


if __name__ == "__main__":
    sys.exit(main())
