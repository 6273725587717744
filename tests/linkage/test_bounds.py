"""What stays bounded: statements a batch, block sizes, what is loaded on import; and a clean base stays as it is."""

import random
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import psycopg
import pytest

from identity.linkage import blocking, candidates, engine, records, statements, withdrawing, writing
from identity.linkage.beside import beside
from identity.linkage.fields import record_of
from identity.linkage.model import Model
from identity.models import FullBlock
from tests.linkage.world import MARY, Connection, like, link, person, tell_more, together

GIVEN = ["Anna", "Boris", "Chloe", "Derek", "Edith", "Felix", "Greta", "Hugo", "Irene", "Jonas", "Karla", "Louis"]
SURNAMES = ["Abbott", "Bianchi", "Carver", "Dvorak", "Eriksen", "Fischer", "Garcia", "Horvat", "Ivanov", "Jensen"]
TOWNS = [("Dayton", "45402"), ("Tulsa", "74101"), ("Boise", "83702")]


def households(conn: Connection, count: int, *, seed: int = 7) -> int:
    """Homes of two to four people of one name, twins among them; nobody twice. Answers how many people."""
    rng = random.Random(seed)
    people = 0
    for home in range(count):
        surname, (city, postcode) = rng.choice(SURNAMES), rng.choice(TOWNS)
        phone = rng.randint(2_000_000, 9_999_999)
        born = f"{rng.randint(1950, 2000)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        for n, given in enumerate(rng.sample(GIVEN, rng.randint(2, 4))):
            people += 1
            person(
                conn, f"h{home}-{n}", first_name=given, last_name=surname, city=city, postcode=postcode,
                street=f"{home + 1} Main Street", phone=f"+1212{phone}",
                birth_date=born if home % 5 == 0 else f"{rng.randint(1950, 2000)}-0{rng.randint(1, 9)}-11",
            )  # fmt: skip
    return people


def test_a_base_of_households_and_twins_without_duplicates_stays_unmerged(conn: Connection) -> None:
    people = households(conn, 25)
    run = link(conn)
    assert (run.profiles, run.links) == (people, 0)
    assert run.reviews <= people // 20


class Counting(psycopg.Cursor):  # type: ignore[type-arg]
    """A cursor that counts what it sends."""

    sent = 0

    def execute(self, *args: object, **kwargs: object) -> "Counting":
        Counting.sent += 1
        return super().execute(*args, **kwargs)  # type: ignore[arg-type,return-value]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    """Every cursor of psycopg counts what it sends."""
    assert all((withdrawing, engine, writing))  # loaded before, so that annotations keep the real class
    monkeypatch.setattr(psycopg, "Cursor", Counting)
    Counting.sent = 0
    return Counting


def couples_of_records(conn: Connection, count: int, *, seed: int) -> None:
    """So many people, each in two records that differ by one field."""
    rng = random.Random(seed)
    for n in range(count):
        city, postcode = TOWNS[seed]
        traits = {
            "first_name": GIVEN[n % 12], "last_name": SURNAMES[n // 12] + "son" * seed, "city": city,
            "postcode": postcode, "street": f"{n} {rng.choice(SURNAMES)} Street",
            "phone": f"+1312{rng.randint(2_000_000, 9_999_999)}",
            "birth_date": f"{rng.randint(1940, 2000)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        }  # fmt: skip
        person(conn, f"s{seed}-{n}", **traits)
        person(conn, f"t{seed}-{n}", **like(traits, city=None))


def test_the_number_of_statements_of_a_batch_does_not_depend_on_its_size(
    conn: Connection, sent: type[Counting]
) -> None:
    counts = []
    for seed, people in enumerate((3, 40)):
        couples_of_records(conn, people, seed=seed)
        sent.sent = 0
        run = link(conn, seconds=0.0)  # one batch
        assert (run.profiles, run.links) == (2 * people, people)
        counts.append(sent.sent)
        link(conn)
    assert counts[0] == counts[1] <= 40


def test_an_over_full_block_is_skipped_and_finer_keys_find_the_person(conn: Connection) -> None:
    for n in range(blocking.MOST_IN_BLOCK + 10):
        person(
            conn, f"n{n}", first_name="Mary", last_name="Smith", city="Dayton",
            birth_date=f"{1930 + n % 70}-{1 + n % 12:02d}-{1 + n % 28:02d}", email=f"reader{n * n * 7919}@mail.com",
        )  # fmt: skip
    link(conn)
    person(conn, "x", first_name="Mary", last_name="Smith", email="reader7919@post.com", birth_date="1931-02-02")
    run = link(conn)
    assert run.compared < blocking.MOST_IN_BLOCK
    assert together(conn, "n1", "x")


def test_a_full_block_that_somebody_leaves_is_looked_at_again(conn: Connection) -> None:
    names = [f"{first}{last.lower()}" for first in GIVEN for last in SURNAMES]
    crowd = [
        person(
            conn, f"n{n}", first_name=names[n], last_name="Smith", birth_date=f"{1920 + n}-0{1 + n % 9}-{10 + n % 17}"
        )
        for n in range(blocking.MOST_IN_BLOCK + 1)
    ]
    link(conn)
    surname = blocking.blocking_keys(record_of({"last_name": "Smith"}))
    assert candidates_of(conn, {crowd[0]: surname}) == 0
    assert FullBlock.objects.filter(pk__in=surname).exists()
    tell_more(conn, "n1", last_name="Quill")
    link(conn)
    assert not FullBlock.objects.filter(pk__in=surname).exists()
    assert candidates_of(conn, {crowd[0]: surname}) == blocking.MOST_CANDIDATES


def candidates_of(conn: Connection, keys: records.Keys) -> int:
    """How many pairs these profiles make with whom they meet under these keys."""
    cursor = psycopg.Cursor(conn)
    return len(records.find_candidates(cursor, keys, records.full_blocks(cursor))[0])


def test_the_pairs_and_their_weights_do_not_depend_on_how_the_changed_profiles_are_parted(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    couples_of_records(conn, 20, seed=0)
    cursor, weights = psycopg.Cursor(conn), []
    made = records.make_due(cursor, records.find_due(cursor, since=None, after=0, limit=100), since=None, ahead={})
    records.keep(cursor, made, records.find_changes(cursor, made))
    keys = {one: kept.keys for one, kept in made.items()}
    for size in (1_000, 7, 1):
        monkeypatch.setattr(candidates, "_PART", size)
        with beside(cursor) as database:
            pairs, scored = candidates.Scoring(database, keys, Model()).finish()
        weights.append(dict(zip(map(tuple, pairs.tolist()), scored.weights.tolist(), strict=True)))
        assert len(weights[-1]) == len(pairs) > 20
    assert weights[0] == weights[1] == weights[2]


def test_of_too_many_candidates_those_in_most_blocks_are_kept_however_large_the_ids() -> None:
    rng = np.random.default_rng(5)
    for largest in (30, 1 << 50):
        known = rng.integers(1, largest, 400)
        owner, met = rng.choice(known[:9], 6_000), rng.choice(known, 6_000)
        owner, met = owner[owner != met], met[owner != met]
        blocks: dict[int, Counter[int]] = {}
        for a, b in zip(owner.tolist(), met.tolist(), strict=True):
            blocks.setdefault(a, Counter())[b] += 1
        best = {
            (min(a, b), max(a, b))
            for a, shared in blocks.items()
            for b in sorted(shared, key=lambda one: (-shared[one], one))[: blocking.MOST_CANDIDATES]
        }
        assert list(map(tuple, records.best_candidates(owner, met).tolist())) == sorted(best)


def test_profiles_with_certain_ids_are_not_looked_up_by_when_they_changed(conn: Connection) -> None:
    cursor, at = psycopg.Cursor(conn), datetime(2026, 1, 1, tzinfo=UTC)
    cursor.execute("set local enable_seqscan = off")
    for statement in (statements.LOAD_DUE, statements.STILL_DUE):
        plan = cursor.execute(f"explain {statement}", {"ids": [1, 2], "since": at}).fetchall()
        assert "identity_profile_pkey" in str(plan)
        assert "identity_profile_updated" not in str(plan)


def test_keys_are_few_and_depend_on_the_record_alone() -> None:
    record = record_of(MARY)
    assert blocking.blocking_keys(record) == blocking.blocking_keys(record_of(dict(reversed(MARY.items()))))
    assert len(blocking.blocking_keys(record)) <= 32
    assert max(Counter(blocking.blocking_keys(record)).values()) == 1


def test_the_door_is_light_to_import() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'cdp.settings'; import django; django.setup();"
        "import identity.linkage.services; print([m for m in ('pandas', 'recordlinkage', 'rapidfuzz', 'nameparser',"
        " 'nicknames', 'jellyfish') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
