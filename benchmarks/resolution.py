"""How right the deterministic resolution is on the demo's people, beside joining whatever was seen together.

No database: the pure partition decides over the identifiers and links that the demo's messages carry. The reference is
connected components over the same links, which is what a key-value identity store does. Record linkage is not in it.
"""

import json
import os
import platform
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cdp.demo.messages import Message, keys_of
from cdp.demo.scoring import Grades, grade
from cdp.demo.stories import write_play
from identity.graph import Identifier, Link, Partition, partition
from identity.kinds import kind_strength
from identity.policy import Policy
from identity.standardise import standardise

OBSERVED = 1


def evidence(messages: Iterable[Message]) -> tuple[list[Identifier], list[Link], dict[int, set[str]]]:
    """The identifiers of all messages, the links between those that came together, and who truly uses each."""
    known: dict[tuple[str, str], Identifier] = {}
    earliest: dict[tuple[int, int], int] = {}
    owners: dict[int, set[str]] = defaultdict(set)
    for message in messages:
        here = []
        for kind, raw in keys_of(message.body):
            value = standardise(kind, raw)
            if value is not None:
                here.append(known.setdefault((kind, value), Identifier(len(known) + 1, kind, value)))
        for one in here:
            owners[one.id].add(message.person)
        carrier = min(here, key=lambda one: kind_strength(one.kind))
        at_us = int(message.at.timestamp() * 1_000_000)
        for one in here:
            pair = (min(one.id, carrier.id), max(one.id, carrier.id))
            if pair[0] != pair[1]:
                earliest[pair] = min(at_us, earliest.get(pair, at_us))
    links = [Link(a, b, OBSERVED, "observed", 0.0, at_us) for (a, b), at_us in earliest.items()]
    return list(known.values()), links, owners


def graded(profile_of: Mapping[int, int], owners: Mapping[int, set[str]]) -> Grades:
    """Grade a grouping on the identifiers that one person alone uses."""
    cells = Counter((next(iter(people)), profile_of[one]) for one, people in owners.items() if len(people) == 1)
    return grade((person, profile, n) for (person, profile), n in cells.items())


def rows(ours: Grades, plain: Grades) -> list[dict[str, object]]:
    """The figures beside the reference; precision must gain by guarding, and recall may not pay for it."""
    figures = [
        ("pairwise precision", ours.pairwise.precision, plain.pairwise.precision, 1.0),
        ("pairwise recall", ours.pairwise.recall, plain.pairwise.recall, 0.98),
        ("pairwise F1", ours.pairwise.f1, plain.pairwise.f1, 1.0),
        ("B-cubed F1", ours.b_cubed.f1, plain.b_cubed.f1, 1.0),
    ]
    return [
        {
            "name": name,
            "value": round(value, 4),
            "unit": "share",
            "reference": round(reference, 4),
            "ratio": round(value / reference, 4),
            "target": f">= {target} of connected components",
            "ok": value / reference >= target,
        }
        for name, value, reference, target in figures
    ]


def main() -> int:
    """Print one JSON object; 1 when a row misses its target."""
    identifiers, links, owners = evidence(write_play().messages)
    began = time.perf_counter()
    found: Partition = partition(identifiers=identifiers, links=links, cannot_links=frozenset(), policy=Policy())
    seconds = time.perf_counter() - began
    table = rows(graded(found.group, owners), graded(found.component, owners))
    machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "system": platform.platform()}
    partitioned = {
        "name": "identifiers partitioned per second", "value": round(len(identifiers) / seconds), "unit": "1/s",
        "reference": None, "ratio": None, "target": None, "ok": True,
    }  # fmt: skip
    sys.stdout.write(json.dumps({"name": "resolution", "machine": machine, "rows": [*table, partitioned]}) + "\n")
    return 0 if all(row["ok"] for row in table) else 1


if __name__ == "__main__":
    sys.exit(main())
