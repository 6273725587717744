"""Tables of a real PostgreSQL: every row once, whatever dies or is changed meanwhile."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from common import clock, pg
from connectors import services
from connectors.contracts import InvalidSettings
from connectors.pulls.models import Pull, PulledRow
from events import selectors as log
from identity import selectors as identity
from tests.connectors.carriers.test_postgres_table import Wire
from tests.connectors.killing import items_waiting, kill_worker, wait_until
from tests.connectors.pulls.world import BY, Asked, apply, came

pytestmark = pytest.mark.django_db(transaction=True)
Shop = psycopg.Connection[Any]

_PEOPLE = """
create table in_test.people (
    id bigint primary key, email text, first_name text, spend numeric(9, 2), updated_at timestamptz not null
)
"""
_FILL = """
insert into in_test.people
select n, 'p' || n || '@example.com', 'Ann', n * 1.5, '2026-01-01'::timestamptz + n * interval '1 second'
from generate_series(%s::int, %s::int) n
"""
IDENTIFY = {"rows": "identify", "columns": [
    {"name": "email", "to": "identifiers.email"}, {"name": "first_name", "to": "traits.first_name"},
    {"name": "spend", "to": "traits.spend", "kind": "number"},
]}  # fmt: skip


def settings(wire: Wire, **more: Any) -> dict[str, Any]:
    parameters = connection.get_connection_params()
    return {
        "host": "127.0.0.1", "port": wire.port, "database": parameters["dbname"], "user": parameters["user"],
        "sslmode": "disable", "table": "in_test.people", "cursor": "updated_at", "key": "id", **more,
    }  # fmt: skip


def secrets() -> dict[str, str]:
    return {"password": connection.get_connection_params().get("password") or "none"}


def setup(asked: Asked, wire: Wire, mapping: dict[str, Any] | None = IDENTIFY, **more: Any) -> None:
    asked.setup("postgres", settings(wire, **more), secrets(), mapping=mapping)


def traits_of(email: str) -> dict[str, Any]:
    found = identity.profile_view(identity.find_profile("email", email) or 0)
    assert found is not None
    return dict(found.traits)


@pytest.fixture
def people(shop: Shop) -> Shop:
    shop.execute(_PEOPLE)
    return shop


def test_rows_become_profiles_by_a_suggested_mapping(asked: Asked, wire: Wire, people: Shop) -> None:
    people.execute(_FILL, [1, 30])
    setup(asked, wire, mapping=None)
    assert asked.pull().items == 30
    apply()
    traits = traits_of("p7@example.com")
    assert (traits["first_name"], traits["spend"]) == ("Ann", 10.5)


def test_only_rows_that_changed_come_again_and_a_change_back_is_told_too(
    asked: Asked, wire: Wire, people: Shop
) -> None:
    people.execute(_FILL, [1, 5])
    setup(asked, wire)
    assert (asked.pull().items, asked.pull().items) == (5, 0)
    for name, minute in (("Bea", 1), ("Ann", 2)):
        people.execute("update in_test.people set first_name = %s, updated_at = %s where id = 3",
                       [name, f"2026-01-02 00:0{minute}:00Z"])  # fmt: skip
        assert asked.pull().items == 1
    apply()
    assert traits_of("p3@example.com")["first_name"] == "Ann"
    assert sum(row[2] for row in log.tallies(since=clock.now() - timedelta(hours=2))) == 7


def test_rows_with_the_same_cursor_are_neither_lost_nor_repeated_when_a_turn_ends_between_them(
    asked: Asked, wire: Wire, people: Shop
) -> None:
    people.execute("insert into in_test.people select n, 'p' || n || '@example.com', 'A', 1, '2026-01-01Z'"
                   " from generate_series(1, 3500) n")  # fmt: skip
    setup(asked, wire, look_back=0)
    turns = [asked.pull(seconds=0) for _ in range(4)]
    assert [one.rows for one in turns] == [1000, 1000, 1000, 500]
    assert [one.done for one in turns] == [False, False, False, False]
    assert asked.pull().done
    assert len({item["traits"]["email"] for item in came()}) == len(came()) == 3_500
    assert [run.rows for run in asked.view.runs] == [3_500]


def test_a_transaction_that_commits_late_is_read_by_looking_back_and_nothing_is_repeated(
    asked: Asked, wire: Wire, people: Shop
) -> None:
    people.execute(_FILL, [1, 100])
    setup(asked, wire, look_back=60)
    assert asked.pull().items == 100
    people.execute("insert into in_test.people values (900, 'late@example.com', 'L', 1, '2026-01-01 00:01:10Z')")
    again = asked.pull()
    assert (again.items, again.unchanged) == (1, 61)
    assert asked.pull().items == 0
    assert PulledRow.objects.count() == 62, "only rows within reach of the next look are remembered"


def test_all_rows_are_compared_and_new_changed_and_gone_ones_are_told(asked: Asked, wire: Wire, people: Shop) -> None:
    people.execute(_FILL, [1, 2_500])
    setup(asked, wire, mode="full", gone="event", gone_event="Account Closed")
    assert asked.pull().items == 2_500
    people.execute("update in_test.people set first_name = 'Bea' where id <= 3")
    people.execute("delete from in_test.people where id > 1400")
    people.execute(_FILL, [9_001, 9_002])
    did = asked.pull()
    assert (did.items, did.unchanged, did.gone) == (5, 1_397, 1_100)
    apply()
    assert log.latest(source_id=asked.id, since=clock.now() - timedelta(hours=1), limit=1)[0].name == "Account Closed"
    assert asked.pull().items == 0
    people.execute("update in_test.people set first_name = 'Ann' where id <= 3")
    assert asked.pull().items == 3, "a change back is a change"


def test_a_table_that_is_all_but_empty_is_told_of_only_when_somebody_accepts_it(
    asked: Asked, wire: Wire, people: Shop
) -> None:
    people.execute(_FILL, [1, 300])
    setup(asked, wire, mode="full", gone="event")
    asked.pull()
    people.execute("delete from in_test.people where id > 20")
    assert "280 of 300 rows are gone at once" in asked.pull().problem
    assert (len(came()), asked.view.held) == (300, True)
    people.execute(_FILL, [21, 100])
    assert "200 of 300" in asked.pull().problem
    assert len(came()) == 300, "those that are back are known again"
    services.run_pull(source_id=asked.id, accept_gone=True, by=BY, now=clock.now())
    assert asked.pull().gone == 200
    assert (len(came()), asked.view.held, asked.view.problem) == (500, False, "")
    people.execute("delete from in_test.people")
    assert asked.pull().problem == "", "no more than a hundred"


def test_gone_rows_change_nothing_unless_that_is_asked_and_their_identifiers_are_not_kept(
    asked: Asked, wire: Wire, people: Shop
) -> None:
    people.execute(_FILL, [1, 10])
    setup(asked, wire, mode="full")
    asked.pull()
    assert not PulledRow.objects.filter(who__isnull=False).exists()
    people.execute("delete from in_test.people where id > 4")
    assert (asked.pull().gone, len(came())) == (6, 10)


def test_rows_are_events_or_members_of_groups(asked: Asked, wire: Wire, shop: Shop) -> None:
    shop.execute("create table in_test.orders (no int, customer_id text, total numeric, ordered_at timestamp)")
    shop.execute("insert into in_test.orders values (1, 'c-1', 12.5, '2026-02-03 10:00')")
    setup(asked, wire, mapping=None, table="in_test.orders", cursor="ordered_at", key="no")
    asked.pull()
    (item,) = came()
    assert (item["type"], item["event"], item["userId"]) == ("track", "Order Completed", "c-1")
    assert item["timestamp"].startswith("2026-02-03T10:00:00")
    assert item["properties"]["total"] == 12.5
    members = {"rows": "group", "columns": [
        {"name": "customer_id", "to": "identifiers.crm_id"}, {"name": "no", "to": "group_id"},
        {"name": "total", "to": "traits.size", "kind": "number"},
    ]}  # fmt: skip
    services.keep_pull_mapping(
        source_id=asked.id, mapping=members, header=["no", "customer_id", "total"], by=BY, now=clock.now()
    )
    services.reset_pull(source_id=asked.id, by=BY, now=clock.now())
    assert asked.pull().items == 1
    group = came()[-1]
    assert (group["type"], group["groupId"], group["traits"]) == ("group", "1", {"size": 12.5})
    assert group["context"]["externalIds"][0] == {"id": "c-1", "type": "crm_id", "collection": "users",
                                                  "encoding": "none"}  # fmt: skip


def test_a_query_may_join_and_rename_and_hold_signs_that_mean_something_to_drivers(
    asked: Asked, wire: Wire, people: Shop
) -> None:
    people.execute(_FILL, [1, 9])
    query = "select id::int as no, email as mail, updated_at from in_test.people where email like '%@example.com' " \
            "and first_name <> ':colon' and id % 2 = 0"  # fmt: skip
    mapping = {"rows": "identify", "columns": [{"name": "mail", "to": "identifiers.email"}]}
    setup(asked, wire, mapping, table="", query=query, key="no")
    assert asked.pull().items == 4


def test_a_bad_row_goes_to_the_quarantine_and_the_others_come_in(asked: Asked, wire: Wire, people: Shop) -> None:
    people.execute(_FILL, [1, 5])
    people.execute("update in_test.people set email = null, first_name = null, spend = null where id = 2")
    setup(asked, wire)
    did = asked.pull()
    assert (did.items, did.refused) == (4, 1)
    assert [one.reason for one in log.quarantined()] == ["no_identity"]


def test_nothing_can_be_written_by_it(asked: Asked, wire: Wire, people: Shop) -> None:
    people.execute("create function in_test.bump() returns int language sql as "
                   "'insert into in_test.people values (77, '''', '''', 0, now()) returning 1'")  # fmt: skip
    people.execute(_FILL, [1, 2])
    setup(asked, wire, table="", query="select *, in_test.bump() from in_test.people")
    assert "read-only" in asked.pull().problem
    with pytest.raises(InvalidSettings, match="semicolon"):
        setup(asked, wire, table="", query="select 1; drop table in_test.people")
    assert people.execute("select count(*) from in_test.people").fetchone() == (2,)


def test_what_is_wrong_is_told_with_what_to_do_and_tried_again(asked: Asked, wire: Wire, people: Shop) -> None:
    people.execute(_FILL, [1, 2])

    def told(**more: Any) -> str:
        tested = services.test_pull(
            source_id=asked.id, kind="postgres", settings=settings(wire, **more), secrets=secrets(), now=clock.now()
        )
        assert tested.ok is (not more)
        assert "@" not in tested.message
        return tested.message

    assert "5 columns: id, email" in told()
    assert "no such database" in told(database="nowhere")
    assert "refuses this user" in told(user="nobody_known")
    assert "in_test.none" in told(table="in_test.none")
    assert "updated_on" in told(cursor="updated_on")
    assert "refused" in told(host="10.0.0.1")
    assert "took too long" in told(seconds=1, table="", query="select *, pg_sleep(9) from in_test.people")
    setup(asked, wire)
    people.execute("alter table in_test.people rename to elsewhere")
    assert "does not exist" in asked.pull().problem
    assert asked.view.problem
    people.execute("alter table in_test.elsewhere rename to people")
    assert (asked.pull().items, asked.view.problem) == (2, "")


def test_rows_that_share_their_key_are_told_instead_of_lost(asked: Asked, wire: Wire, shop: Shop) -> None:
    shop.execute("create table in_test.people (id int, email text, first_name text, spend int, updated_at timestamptz)")
    shop.execute("insert into in_test.people select 1, 'a@b.com', 'A', 1, '2026-01-01Z' from generate_series(1, 2)")
    setup(asked, wire)
    assert "unique together" in asked.pull().problem
    assert came() == []


def test_settings_that_cannot_work_are_told_and_secrets_are_kept_and_hidden(
    asked: Asked, wire: Wire, people: Shop
) -> None:
    for wrong, more in (("table", {"table": ""}), ("key", {"key": "updated_at"}), ("cursor", {"cursor": ""}),
                        ("seconds", {"seconds": 0, "table": "", "query": "select 1"})):  # fmt: skip
        with pytest.raises(InvalidSettings, match=wrong):
            setup(asked, wire, **more)
    with pytest.raises(InvalidSettings, match="kind"):
        asked.setup("oracle", {}, {})
    people.execute(_FILL, [1, 1])
    setup(asked, wire)
    services.keep_pull(
        source_id=asked.id, kind="postgres", settings=settings(wire), secrets={}, by=BY, now=clock.now()
    )  # fmt: skip
    assert (asked.view.secrets_set, asked.pull().items) == (("password",), 1)
    assert secrets()["password"] not in str(Pull.objects.values())


def test_another_table_is_read_from_its_beginning_and_a_reset_reads_everything_again(
    asked: Asked, wire: Wire, people: Shop
) -> None:
    people.execute(_FILL, [1, 5])
    setup(asked, wire)
    asked.pull()
    people.execute("create table in_test.others as select * from in_test.people where id > 2")
    setup(asked, wire, table="in_test.others")
    assert asked.pull().items == 3
    services.reset_pull(source_id=asked.id, by=BY, now=clock.now())
    assert asked.pull().rows == 3
    apply()
    assert sum(row[2] for row in log.tallies(since=clock.now() - timedelta(hours=2))) == 5, "the same rows count once"


def test_a_paused_pull_is_not_read_and_one_that_is_not_due_waits(asked: Asked, wire: Wire, people: Shop) -> None:
    people.execute(_FILL, [1, 5])
    setup(asked, wire)
    assert asked.pull().done
    assert services.read_pulls(now=clock.now(), suppressed=lambda conn, keys: set()) == {}
    assert asked.id in services.read_pulls(now=clock.now() + timedelta(hours=2), suppressed=lambda conn, keys: set())
    services.switch_pull(source_id=asked.id, enabled=False, by=BY, now=clock.now())
    assert services.read_pulls(now=clock.now(), suppressed=lambda conn, keys: set()) == {}
    assert asked.view.state == "paused"


def test_a_turn_keeps_nothing_more_once_somebody_changed_what_is_read(asked: Asked, wire: Wire, people: Shop) -> None:
    people.execute(_FILL, [1, 3_000])
    setup(asked, wire)
    changed: list[None] = []

    def change() -> None:
        if not changed:
            changed.append(None)
            services.reset_pull(source_id=asked.id, by=BY, now=clock.now())

    services.read_pulls(now=clock.now(), after=change, suppressed=lambda conn, keys: set())
    assert items_waiting() == 1_000
    assert asked.view.read_until == ""
    assert [run.state for run in asked.view.runs] == ["stopped"]
    assert asked.pull().rows == 3_000


def test_one_worker_reads_a_pull_at_a_time(asked: Asked, wire: Wire, people: Shop) -> None:
    people.execute(_FILL, [1, 1])
    setup(asked, wire)
    with pg.connect(autocommit=True) as other:
        assert pg.try_lock(other, 0x70756C6C, asked.view.id)
        assert services.read_pulls(now=clock.now(), suppressed=lambda conn, keys: set()) == {}
    wait_until(lambda: asked.id in services.read_pulls(now=clock.now(), suppressed=lambda conn, keys: set()))
    assert items_waiting() == 1


_WORKER = """
from connectors.pulls import databases, reading
databases.CHUNK = 50
services.read_pulls(now=clock.now(), after=resting(0.02, steps=8), suppressed=lambda conn, keys: set())
"""


@pytest.mark.processes
@pytest.mark.parametrize("more", [{}, {"mode": "full"}])
def test_a_worker_that_is_killed_loses_no_row_and_repeats_none(
    asked: Asked, wire: Wire, people: Shop, more: dict[str, Any]
) -> None:
    people.execute(_FILL, [1, 3_000])
    setup(asked, wire, **more)
    kill_worker(_WORKER, when=lambda: items_waiting() > 100)
    assert 0 < items_waiting() < 3_000
    wait_until(lambda: _done(asked))
    assert len({item["traits"]["email"] for item in came()}) == len(came()) == 3_000
    assert (asked.view.runs[0].rows, asked.view.runs[0].state) == (3_000, "done")


def _done(asked: Asked) -> bool:
    """The lock of a killed worker goes when the server has noticed."""
    did = services.read_pulls(now=clock.now(), suppressed=lambda conn, keys: set()).get(asked.id)
    return did is not None and did.done
