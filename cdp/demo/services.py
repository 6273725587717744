"""The demo's doors: play it once, and grade what the resolution made of it."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from cdp.demo import analysing, campaigning, loyalty, player
from cdp.demo.messages import CHANNELS, days_to_today, to_wire
from cdp.demo.setting import create_delivery, create_segments, create_sources, write_keys
from cdp.demo.storefront import create_storefront
from cdp.demo.stories import Play, write_play
from cdp.demo.truth import Scorecard, scorecard, store_truth
from cdp.models import DemoPlay
from common import clock, jobs
from events import selectors as events
from insights import services as insights

__all__ = ["BY", "Scorecard", "already_played", "has_begun", "look_back", "looked_back", "play_demo", "scorecard"]

BY = "demo"


def already_played() -> bool:
    """Whether the demo has been played to its end in this database."""
    return DemoPlay.objects.filter(finished_at__isnull=False).exists()


def looked_back() -> bool:
    """Whether everything was measured and asked for that pages show of the demo."""
    return DemoPlay.objects.filter(looked_back_at__isnull=False).exists()


def has_begun() -> bool:
    """Whether a play has been begun, ended or not."""
    return DemoPlay.objects.exists()


def play_demo(*, base_url: str, folder: Path, now: datetime, play: Play | None = None) -> list[player.Sent]:
    """Play the demo over the HTTP API at `base_url`; files that people may want to look at go to `folder`.

    A play that was cut short is taken up: same sources, same place in time, same message ids, so nothing counts twice.
    Raises PlayFailed when the server stays away.
    """
    play = play or write_play()
    row = _begin(play, now=now)
    store_truth(play.truth())
    create_segments(by=BY, now=now)
    create_storefront(row.sources["web"], by=BY, now=now)
    loyalty.write_file(folder / "loyalty.csv", play.loyalty_file)
    shift = timedelta(days=row.shift_days)
    channels = {channel: to_wire(play.messages, channel=channel, shift=shift) for channel in CHANNELS}
    experiment = campaigning.create_experiment(shift=shift, by=BY)
    campaigning.create_campaign(by=BY, now=now)
    beside = campaigning.visits(experiment, play.messages, play.people, shift=shift)
    channels["web"] = sorted([*channels["web"], *beside], key=lambda one: str(one["timestamp"]))
    sent = _send(base_url, channels, write_keys(row.sources))
    create_delivery(by=BY, now=clock.now())
    DemoPlay.objects.filter(pk=row.pk).update(finished_at=clock.now())
    return sent


def look_back(*, patience: float = 600.0) -> bool:
    """Wait until everything is applied, measure the experiment and have insights computed; what was asked for is not
    asked for again. False when that takes longer than `patience` seconds: then each page offers to begin."""
    deadline = time.monotonic() + patience
    while events.backlog().events:
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    campaigning.measure(now=clock.now())
    analysing.ask(by=BY, now=clock.now())
    DemoPlay.objects.update(looked_back_at=clock.now())
    return True


@transaction.atomic
def _begin(play: Play, *, now: datetime) -> DemoPlay:
    row, _ = DemoPlay.objects.select_for_update().get_or_create(
        pk=1, defaults={"started_at": now, "shift_days": days_to_today(now).days}
    )
    row.sources = create_sources(row.sources, by=BY)
    # A year of theirs comes within a minute: without this nothing could be learned from it for months.
    insights.keep_setting({"history_sources": sorted(row.sources.values())}, by=BY, now=now, via="demo")
    row.people, row.messages = len(play.people), len(play.messages)
    row.save()
    return row


def _send(
    base_url: str, channels: Mapping[str, list[dict[str, object]]], write_keys: Mapping[str, str]
) -> list[player.Sent]:
    """Send, showing the progress as a job; the job fails with the play."""
    job = jobs.start("demo", "Playing the demo", total=sum(map(len, channels.values())), by=BY)
    try:
        sent = player.play(
            base_url=base_url,
            channels=channels,
            write_keys=write_keys,
            on_progress=lambda done: jobs.progress(job, done, stage="sending"),
        )
    except BaseException as problem:
        jobs.finish(job, error=str(problem) or type(problem).__name__)
        raise
    jobs.finish(job, counts={one.channel: one.messages for one in sent})
    return sent
