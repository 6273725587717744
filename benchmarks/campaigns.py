"""Campaigns under fire, and how fast they answer.

`python benchmarks/campaigns.py [--people 200000] [--workers 8] [--seconds 120] [--kills 40] [--part fire|live]`.

Fire: two campaigns for everybody (one by an event that comes in twice, one broadcast) with a cap of one message a day
and quiet hours that begin while it runs; worker processes whose clocks are off are killed and started again. Nothing
may be doubled, lost, sent against a cap or in quiet hours. Every message goes to a real SMTP server in this process.
Live: the whole product at 500 events a second; milliseconds from the POST that triggers to the message at the server.
"""

import argparse
import asyncio
import logging
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from aiosmtpd.controller import Controller
from kit.latency import percentile
from kit.product import running_product
from kit.report import Report
from kit.services import fresh_services

BASE = datetime(2026, 11, 2, 20, 45, tzinfo=UTC)
NEXT_DAY = BASE + timedelta(hours=16)
MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Hello <a href='{{ unsubscribe_url }}'>leave</a></mj-text>"
    "</mj-column></mj-section></mj-body></mjml>"
)
_PEOPLE_AT_ONCE = 5_000
_OVER_CAP = """
select count(*) from campaigns_send a join campaigns_send b on b.identifier_id = a.identifier_id and b.id > a.id
where a.handed_at is not null and b.handed_at is not null
  and abs(extract(epoch from b.handed_at - a.handed_at)) < 86400
"""
_QUIET = """
select count(*) from campaigns_send
where handed_at is not null and (extract(hour from handed_at at time zone 'UTC') >= 21
                                 or extract(hour from handed_at at time zone 'UTC') < 8)
"""


class Sink:
    """An SMTP server that notes who got what, and when."""

    def __init__(self) -> None:
        self.got: Counter[str] = Counter()
        self.at: dict[str, float] = {}

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002
        for line in envelope.content.split(b"\r\n"):
            if line.lower().startswith(b"message-id:"):
                self.got[line.decode()] += 1
        self.at.setdefault(envelope.rcpt_tos[0], time.monotonic())
        await asyncio.sleep(0)
        return "250 OK"


def main() -> int:
    """Run and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--part", choices=("fire", "live"), default="")
    chosen = parser.parse_args()
    report = Report("campaigns")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # or the SMTP server writes five lines a message
    os.environ["CDP_OUTBOUND_ALLOW"] = "127.0.0.1"  # where the server of this process listens
    if chosen.part != "live":
        with fresh_services():
            fire(report, chosen)
    if chosen.part != "fire":
        live(report, chosen.rate, min(chosen.seconds, 30))
    return report.done()


def fire(report: Report, chosen: argparse.Namespace) -> None:
    """Kill workers while everybody is written to."""
    sink, rolls = Sink(), random.Random(7)
    with _listening(sink) as port:
        _shop(port, now=BASE, cap=True)
        source = _people(chosen.people)
        campaigns = _campaigns(chosen.people)
        _events(source, chosen.people)
        began = time.monotonic()
        kills = _storm(chosen, rolls)
        _quiet_end(chosen)
        seconds = time.monotonic() - began
    _judge(report, chosen, sink, campaigns, seconds, kills)


def _storm(chosen: argparse.Namespace, rolls: random.Random) -> int:
    """Workers of which one is killed ever so often and replaced by one with another clock."""
    workers = [_worker(BASE, rolls.uniform(-600, 600)) for _ in range(chosen.workers)]
    kills, end = 0, time.monotonic() + chosen.seconds
    while time.monotonic() < end:
        time.sleep(chosen.seconds / max(chosen.kills, 1) * rolls.uniform(0.5, 1.5))
        place = rolls.randrange(len(workers))
        workers[place].kill()
        workers[place].wait()
        kills += 1
        # A clock may jump: ahead into the quiet hours, or back out of them.
        workers[place] = _worker(BASE, rolls.uniform(-1_800, 1_800))
    for worker in workers:
        worker.kill()
        worker.wait()
    return kills


def _quiet_end(chosen: argparse.Namespace) -> None:
    """On the next day what waited goes out, and is waited for."""
    from campaigns.sending.models import Send

    workers = [_worker(NEXT_DAY, 0) for _ in range(chosen.workers)]
    open_states = [Send.State.QUEUED, Send.State.CLAIMED, Send.State.HANDING]
    end = time.monotonic() + 3_600
    while time.monotonic() < end:
        time.sleep(1)
        if not _inside() and not Send.objects.filter(state__in=open_states).exists():
            break
    for worker in workers:
        worker.kill()
        worker.wait()


def _judge(
    report: Report, chosen: argparse.Namespace, sink: Sink, campaigns: list[int], seconds: float, kills: int
) -> None:  # fmt: skip
    from campaigns.sending.models import Send
    from common import pg

    states = Counter(Send.objects.values_list("state", flat=True))
    with pg.connect(autocommit=True) as conn:
        over = conn.execute(_OVER_CAP).fetchall()[0][0]
        quiet = conn.execute(_QUIET).fetchall()[0][0]
        journeys = conn.execute("select count(*) from campaigns_instance").fetchall()[0][0]
    twice = sum(count - 1 for count in sink.got.values())
    asked = Send.objects.count()
    told = f"{kills} workers killed, {dict(states)}"
    report.row("journeys that are missing or doubled", abs(journeys - len(campaigns) * chosen.people), "", most=0)
    report.row("decisions that are missing or doubled", abs(asked - journeys), "", most=0, reference=told)
    report.row("messages that came twice", twice, "", most=0)
    # A worker that is killed between the server's answer and its note leaves one of which nothing is known.
    report.row("messages that are neither at the server nor told as unknown", abs(states["sent"] - len(sink.got))
               if not states["unknown"] else max(0, states["sent"] - len(sink.got)), "", most=0)  # fmt: skip
    report.row("told as unknown", states["unknown"], "", most=kills)
    report.row("messages over the cap", over, "", most=0)
    report.row("messages in quiet hours", quiet, "", most=0)
    report.row("sent", len(sink.got) / seconds, "messages/s", reference=f"{len(sink.got)} in {seconds:.0f} s of storm")


def live(report: Report, rate: int, seconds: int) -> None:
    """From the trigger to the server, beside other events."""
    sink = Sink()
    with _listening(sink) as port, running_product() as product:
        now = datetime.now(UTC)
        _shop(port, now=now, cap=False)
        people = rate * seconds
        with httpx.Client(auth=(product.write_key, "")) as client:
            probes = 20 * seconds
            _told(client, product.url, [_identify(n) for n in range(probes)])
            time.sleep(10)
            _start("live", {"entry": {"kind": "event", "event": "Go"}}, now)
            posted: dict[str, float] = {}
            began = time.monotonic()
            for n in range(probes):
                other = [
                    {
                        "type": "track",
                        "userId": f"other-{(n * 25 + k) % people}",
                        "event": "Viewed",
                        "messageId": f"v{n}-{k}",
                    }
                    for k in range(rate // 20 - 1)
                ]
                time.sleep(max(0.0, began + n / 20 - time.monotonic()))
                posted[_address(n)] = time.monotonic()
                _told(
                    client,
                    product.url,
                    [*other, {"type": "track", "userId": f"u{n}", "event": "Go", "messageId": f"g{n}"}],
                )
            time.sleep(15)
    taken = [(sink.at[who] - at) * 1000 for who, at in posted.items() if who in sink.at]
    report.row("messages that did not come", len(posted) - len(taken), "", most=0)
    report.row(f"trigger to server at {rate} events/s, p95", percentile(taken, 95), "ms",
               reference=f"median {percentile(taken, 50):.0f} ms, p99 {percentile(taken, 99):.0f} ms",
               most=5_000)  # fmt: skip


def _listening(sink: Sink) -> Any:
    class Listening:
        def __enter__(self) -> int:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = int(free.getsockname()[1])
            self.controller = Controller(sink, hostname="127.0.0.1", port=port)
            self.controller.start()
            return port

        def __exit__(self, *_: object) -> None:
            self.controller.stop()

    return Listening()


def _worker(base: datetime, off: float) -> "subprocess.Popen[bytes]":
    here = Path(__file__).resolve()
    command = [sys.executable, str(here.with_name("kit") / "campaign_worker.py"), base.isoformat(), str(off)]
    return subprocess.Popen(command, cwd=here.parents[1], env=os.environ | {"PYTHONPATH": str(here.parents[1])})


def _shop(port: int, *, now: datetime, cap: bool) -> None:
    from campaigns import services

    caps = [{"channel": "email", "message_class": "marketing", "most": 1, "hours": 24}] if cap else []
    quiet = {"quiet_from": 21 * 60, "quiet_until": 8 * 60} if cap else {"quiet_from": 0, "quiet_until": 0}
    services.change_policy(
        {**quiet, "zone": "UTC", "caps": caps, "track_opens": False, "track_clicks": False}, by="b", now=now
    )
    services.keep_channel("email", "smtp", {
        "host": "127.0.0.1", "port": port, "security": "none", "sender": "Shop <shop@example.org>",
    }, by="b", now=now)  # fmt: skip
    made = services.create_template(
        name="Go",
        message_class="marketing",
        contents={"email": {"en": {"subject": "Go", "body": MJML}}},
        by="b",
        now=now,
    )
    services.publish_template(made.id, 1, by="b", now=now)


def _people(count: int) -> int:
    from cdp.pipeline.run import Applier
    from common import pg
    from connectors import services as connectors
    from events import services as events

    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=BASE)
    source = connectors.create_source(name="Shop", kind="server", by="b", now=BASE).id
    applier = Applier()
    for start in range(0, count, _PEOPLE_AT_ONCE):
        _store(source, [_identify(n) for n in range(start, min(start + _PEOPLE_AT_ONCE, count))])
        while applier.apply_batch(now=BASE).taken:
            pass
    applier.close()
    return source


def _events(source: int, count: int) -> None:
    """Each trigger comes twice as the same message, and once more as another."""
    from cdp.pipeline.run import Applier

    applier = Applier()
    for start in range(0, count, _PEOPLE_AT_ONCE):
        some = range(start, min(start + _PEOPLE_AT_ONCE, count))
        calls = [_go(n, "a") for n in some]
        _store(source, [*calls, *calls, *(_go(n, "b") for n in some)])
        while applier.apply_batch(now=BASE).taken:
            pass
    applier.close()


def _campaigns(people: int) -> list[int]:
    from segments import services as segments

    made = segments.create_segment(
        name="All", rule={"trait": "consent_news", "is": "eq", "value": True}, by="b", now=BASE
    )
    first = _start("fire", {"entry": {"kind": "event", "event": "Go"}}, BASE)
    second = _start("all", {"entry": {"kind": "broadcast", "segment": made.slug}}, BASE)
    return [first, second] if people else []


def _start(name: str, more: dict[str, Any], now: datetime) -> int:
    from campaigns import services

    spec = {"purpose": "news", "steps": [{"kind": "send", "id": "write", "template": "go"}], **more}
    made = services.create_campaign(name=name, spec=spec, by="b", now=now)
    return services.start_campaign(made.id, by="b", now=now, may_mass=True).id


def _inside() -> bool:
    from campaigns.journeys.models import Instance, Trigger

    return Instance.objects.filter(state="active").exists() or Trigger.objects.exists()


def _store(source: int, calls: list[dict[str, Any]]) -> None:
    import orjson
    import zstandard

    from common import pg
    from events import services as events

    with pg.connect() as conn, conn.transaction():
        events.store(conn, source_id=source, document=orjson.dumps({"batch": calls}), events=len(calls), client_ip=None,
                     received_at=BASE, compressor=zstandard.ZstdCompressor(level=1))  # fmt: skip


def _told(client: httpx.Client, url: str, calls: list[dict[str, Any]]) -> None:
    for start in range(0, len(calls), 100):
        client.post(f"{url}/v1/batch", json={"batch": calls[start : start + 100]}).raise_for_status()


def _address(n: int) -> str:
    return f"u{n}@example.org"


def _identify(n: int) -> dict[str, Any]:
    traits = {"email": _address(n), "consent_news": True}
    return {
        "type": "identify",
        "userId": f"u{n}",
        "messageId": f"i{n}",
        "traits": traits,
        "timestamp": BASE.isoformat(),
    }


def _go(n: int, part: str) -> dict[str, Any]:
    return {
        "type": "track",
        "userId": f"u{n}",
        "event": "Go",
        "messageId": f"g{n}{part}",
        "timestamp": BASE.isoformat(),
    }


if __name__ == "__main__":
    raise SystemExit(main())
