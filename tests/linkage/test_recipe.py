"""Records that an older release made are made anew by themselves; and whoever changes the recipe must say so."""

import random
from hashlib import sha256

import msgspec
import psycopg

from identity.linkage import blocking
from identity.linkage.services import linkage_backlog
from identity.models import LinkageRecord
from tests.linkage.test_churn import counted
from tests.linkage.test_parity import people
from tests.linkage.world import MARY, Connection, like, link, person, together

# What recipe 3 makes of 300 made people. Raise `blocking.RECIPE` when this changes, or stored records stay as they are.
MADE = (3, "38d5d336da121d1ea5a81542bed64fad438ba26c5e2b86bfe866dcf590b711d8")


def test_the_recipe_has_another_number_when_what_it_makes_is_another() -> None:
    made = [
        (record.to_json(), blocking.blocking_keys(record), sorted(blocking.term_keys(record).values()))
        for record in people(300, seed=11)
    ]
    assert (blocking.RECIPE, sha256(msgspec.json.encode(made, order="sorted")).hexdigest()) == MADE


def older(conn: Connection) -> None:
    """As an older release left the base: without what it knew nothing of, under keys that nobody makes any more."""
    cursor = psycopg.Cursor(conn)
    cursor.execute(
        "update identity_linkagerecord set keys = '{1,2}', recipe = 0,"
        " fields = jsonb_set(jsonb_set(fields::jsonb, '{2}', '\"\"'), '{5}', '[]')::text"
    )
    cursor.execute("delete from identity_blockingkey")
    cursor.execute("insert into identity_blockingkey select k, profile_id from identity_linkagerecord, unnest(keys) k")
    cursor.execute("update identity_linkagestate set recipe = 0")


def test_records_of_an_older_release_are_made_anew_in_bounded_batches_and_linked(conn: Connection) -> None:
    rng = random.Random(3)
    for n in range(7):
        person(
            conn, f"o{n}", first_name="Ann", last_name=f"Quill{n}", birth_date=f"19{rng.randint(10, 99)}-01-0{n + 1}"
        )
    a = person(conn, "c1", **MARY)
    link(conn)
    as_it_was = list(LinkageRecord.objects.order_by("pk").values_list("pk", "fields", "keys"))
    older(conn)
    person(conn, "c2", **like(MARY, last_name="Odyua", email=None))
    assert linkage_backlog() == 1  # old records keep nobody waiting

    runs = [link(conn, batch_size=3, seconds=0.0) for _ in range(4)]
    assert [(run.profiles, run.renewed) for run in runs] == [(1, 0), (0, 3), (0, 3), (0, 2)]
    assert together(conn, "c1", "c2")
    assert set(LinkageRecord.objects.values_list("recipe", flat=True)) == {blocking.RECIPE}
    kept = [one for one in LinkageRecord.objects.order_by("pk").values_list("pk", "fields", "keys") if one[0] != a]
    assert kept == [one for one in as_it_was if one[0] != a]
    assert counted(conn)
    assert link(conn).profiles == 1  # the two that became one are looked at once more
    again = link(conn)
    assert (again.profiles, again.renewed, again.done) == (0, 0, True)
