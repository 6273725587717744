"""What cleaning costs: batches of 20,000 events with ten properties, without rules and with twenty.

    .venv/bin/python -m cdp.runner.with_services .venv/bin/python -m benchmarks.cleaning

It calls the stage as the pipeline does, on a real database, and takes everything back. Microseconds of CPU an event,
the best of five; beside them JSON alone: every event's properties read and written once by orjson.
"""

import gc
import os
import random
import time

import django
import orjson

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
django.setup()

from common import clock, pg  # noqa: E402
from events.contracts import Item  # noqa: E402
from events.services import Batch  # noqa: E402
from quality.cleaning.rules import checked  # noqa: E402
from quality.cleaning.stage import CleaningStage  # noqa: E402
from quality.contracts import Definition  # noqa: E402

EVENTS = 20_000
_RULES = [
    ("date", "/on", {"order": "DMY"}), ("number", "/total", {"decimal": ","}), ("boolean", "/gift", {}),
    ("synonyms", "/size", {"values": {"small": ["s"], "large": ["l"]}}), ("text", "/note", {}),
    ("state", "/state", {"country": "US"}), ("country", "/country", {}), ("postal_code", "/zip", {}),
    ("text", "/city", {"case": "title"}), ("number", "/quantity", {"decimal": "."}),
    ("type", "/total", {"types": ["number"]}), ("range", "/total", {"least": "0", "most": "100000"}),
    ("range", "/quantity", {"least": "1", "most": "99"}), ("allowed", "/size", {"values": ["small", "large"]}),
    ("pattern", "/zip", {"pattern": "^[0-9]{5}$"}), ("length", "/note", {"most": 100}),
    ("format", "/on", {"format": "date"}), ("length", "/city", {"least": 2, "most": 40}),
    ("type", "/gift", {"types": ["boolean"]}), ("pattern", "/country", {"pattern": "^[A-Z]{2}$"}),
]  # fmt: skip
# Against other properties of the event.
_ACROSS = [
    ("compare", "/on", {"of": "date", "relation": "at_most", "other": "/due"}, None),
    ("arithmetic", "/total", {"operation": "product", "of": ["/quantity", "/price"]}, None),
    ("pattern", "/zip", {"pattern": "^[0-9]{5}$"}, {"path": "/country", "relation": "is", "values": ["US"]}),
]  # fmt: skip


def batch(*, dirty: float) -> Batch:
    """Events of which this share has every value in another form."""
    dice, made = random.Random(7), Batch()
    for n in range(EVENTS):
        day, cents = dice.randrange(1, 28), dice.randrange(100, 99_999)
        told = {
            "on": f"2026-03-{day:02}", "total": cents / 100, "gift": bool(n % 2), "size": "small", "state": "NY",
            "note": f"order {n % 500}", "country": "US", "zip": f"{10_000 + n % 900}", "city": "New York",
            "quantity": 2, "price": cents / 200, "due": f"2026-04-{day:02}",
        }  # fmt: skip
        if dice.random() < dirty:
            told |= {"on": f"{day:02}/03/2026", "total": f"{cents // 100},{cents % 100:02}", "gift": "yes", "size": "S",
                     "state": "New York", "country": "USA", "city": "new  york", "quantity": "2"}  # fmt: skip
        row = (Item(type="track", messageId=f"m{n}"), 1, 0, 1_770_000_000_000_000, "Bought", f"m{n}", None, None,
               orjson.dumps(told), b"", None)  # fmt: skip
        for column, value in zip(
            (made.items, made.source_ids, made.received_us, made.occurred_us, made.names, made.message_ids,
             made.sent_at, made.client_ips, made.properties, made.contexts, made.received), row, strict=True,
        ):  # fmt: skip
            column.append(value)
    return made


def cost(found: Batch, rules: int, *, source: int = 1, across: int = 0) -> float:
    """Microseconds of CPU an event, the best of five."""
    told = [
        checked(Definition(f"r{n}", "properties", path, kind, settings, source), lists={})
        for n, (kind, path, settings) in enumerate(_RULES[:rules])
    ] + [
        checked(Definition(f"a{n}", "properties", path, kind, settings, source, when=when), lists={})
        for n, (kind, path, settings, when) in enumerate(_ACROSS[:across])
    ]
    # As in the pipeline.
    gc.disable()
    best = float("inf")
    with pg.connect() as conn:
        stage = CleaningStage()
        stage.clean(conn, Batch(), now=clock.now())
        stage.use([(n, 1, one) for n, one in enumerate(told, start=1)], {})
        for _ in range(5):
            began = time.process_time()
            stage.clean(conn, found, now=clock.now())
            best = min(best, time.process_time() - began)
        conn.rollback()
    gc.enable()
    return best / EVENTS * 1e6


def json_alone(found: Batch) -> float:
    """The same for reading and writing the properties once."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for raw in found.properties:
            orjson.dumps(orjson.loads(raw))
        best = min(best, time.process_time() - began)
    return best / EVENTS * 1e6


if __name__ == "__main__":
    clean, tenth, all_dirty = batch(dirty=0), batch(dirty=0.1), batch(dirty=1)
    print(f"JSON read and written          {json_alone(clean):6.2f} µs of CPU an event")
    print(f"no rule at all                 {cost(clean, 0):6.2f}")
    print(f"20 rules about another source  {cost(clean, 20, source=2):6.2f}")
    print(f"20 rules, nothing to mend      {cost(clean, 20):6.2f}")
    print(f"20 rules and 3 of several properties, nothing to mend {cost(clean, 20, across=3):6.2f}")
    print(f"3 of several properties alone  {cost(clean, 0, across=3):6.2f}")
    print(f"20 rules, a tenth to mend      {cost(tenth, 20):6.2f}")
    print(f"20 rules, everything to mend   {cost(all_dirty, 20):6.2f}")
