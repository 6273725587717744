"""Whatever is asked for, in whatever order, with repeats and merges between: no duplicate, no cap and no quiet hour
is violated at the moment at which something goes out."""

import itertools
import uuid
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.contracts import Cap
from campaigns.sending.claiming import claim
from campaigns.sending.deciding import Rules, after_quiet, fits, is_quiet
from campaigns.sending.models import Send
from identity import selectors as identity
from identity import services as identities
from tests.campaigns.sending_world import START, World, hours, queue

CAPS = [
    {"channel": "email", "message_class": "", "most": 2, "hours": 24},
    {"channel": "", "message_class": "marketing", "most": 3, "hours": 72},
]
ZONES = ("Europe/Berlin", "America/Sao_Paulo", "Pacific/Auckland")
NUMBERS = itertools.count()

requests = st.tuples(
    st.just("ask"), st.lists(st.tuples(
        st.integers(0, 2), st.sampled_from("abc"), st.booleans(), st.integers(0, 2), st.sampled_from((0, 0, 5, 30)),
    ), min_size=1, max_size=5),
)  # fmt: skip
steps = st.lists(
    st.one_of(requests, requests, st.tuples(st.just("wait"), st.sampled_from((1, 6, 13, 24))), st.just(("work", 0)),
              st.just(("work", 0)), st.tuples(st.just("merge"), st.integers(0, 2))),
    min_size=4, max_size=14,
)  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_nothing_that_goes_out_breaks_a_rule(world: World) -> None:
    world.policy(quiet_from=21 * 60, quiet_until=8 * 60, caps=CAPS)

    @settings(max_examples=12, database=None)
    @given(steps)
    def play(script: list[tuple[str, Any]]) -> None:
        number = next(NUMBERS)
        Send.objects.all().delete()
        names = [f"p{number}-{n}" for n in range(3)]
        ids = [
            world.person(name, known=n == 0, timezone=ZONES[n], phone=f"+4930{number:04d}{n:04d}")
            for n, name in enumerate(names)
        ]
        now = START
        for what, how in script:
            if what == "wait":
                now += hours(how)
            elif what == "merge" and how:
                identities.merge(ids[0], ids[how], by="ann", reason="the same", now=now)
            elif what == "ask":
                queue([
                    world.request(
                        ids[person], step=step, instance=str(number), priority=priority,
                        message_class="marketing" if marketing else "transactional", channels=("email", "sms"),
                        not_before=now + hours(later) if later else None,
                    ) for person, step, marketing, priority, later in how
                ], now=now)  # fmt: skip
            else:
                for channel in ("email", "sms"):
                    _work(channel, str(number), ids, now)

    play()


def _work(channel: str, instance: str, ids: list[int], now: datetime) -> None:
    rows = claim(channel, token=uuid.uuid4(), now=now) or []
    Send.objects.filter(pk__in=[row.id for row in rows]).update(state="sent")
    owner = identity.current_ids(Send.objects.filter(instance=instance).values_list("identifier_id", flat=True))
    sent = list(Send.objects.filter(instance=instance, state="sent"))
    for row in rows:
        person = owner[row.identifier_id]
        own = [one for one in sent if owner[one.identifier_id] == person]
        assert [one.pk for one in own if one.step == row.key.step] == [row.id], "a duplicate"
        traits = identity.profiles_by_id([person])[person].traits
        if row.message_class == "marketing":
            local = now.astimezone(ZoneInfo(str(traits["timezone"])))
            assert 8 <= local.hour < 21, "a quiet hour"
        for cap in (Cap(**one) for one in CAPS):
            if cap.channel in ("", row.channel) and cap.message_class in ("", row.message_class):
                inside = [
                    one for one in own
                    if cap.channel in ("", one.channel) and cap.message_class in ("", one.message_class)
                    and one.handed_at is not None and now - one.handed_at < timedelta(hours=cap.hours)
                ]  # fmt: skip
                assert len(inside) <= cap.most, "a cap"


def _rules(begin: int, end: int) -> Rules:
    return Rules(begin, end, "UTC", 0, "", (), {}, ())


@given(
    st.integers(0, 1439), st.integers(0, 1439),
    st.sampled_from((*ZONES, "Australia/Lord_Howe", "Africa/Casablanca", "UTC")), st.integers(0, 366 * 24 * 60),
)  # fmt: skip
def test_what_waits_for_the_end_of_quiet_hours_is_not_in_them_also_when_clocks_change(
    begin: int, end: int, zone: str, minute: int
) -> None:
    rules, place = _rules(begin, end), ZoneInfo(zone)
    moment = datetime(2026, 1, 1, tzinfo=START.tzinfo) + timedelta(minutes=minute)
    opened = after_quiet(moment, place, rules)
    assert not is_quiet(opened, place, rules)
    assert moment <= opened <= moment + timedelta(hours=26)
    assert opened == moment or is_quiet(moment, place, rules)


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 4), st.integers(1, 24))
def test_what_fits_leaves_no_window_with_too_many(asked: list[int], most: int, window: int) -> None:
    taken: list[datetime] = []
    for hour in asked:
        at = START + timedelta(hours=hour)
        if fits(taken, at, most=most, window=timedelta(hours=window)):
            taken.append(at)
    for begin in taken:
        assert sum(begin <= one < begin + timedelta(hours=window) for one in taken) <= most
