"""Rebuild, shadow runs and a change of policy."""

import json
from typing import Any

import psycopg
import pytest
from django.core.management import call_command

from identity import selectors, services
from identity.contracts import Move
from tests.identity.people import NOW, call, groups, people, profile_of, snapshot, tell

Connection = psycopg.Connection[Any]


@pytest.fixture
def shop(conn: Connection) -> None:
    tell(
        conn,
        [call(n, user_id=f"u{n % 7}", anonymous_id=f"a{n}", traits={"visit": n}) for n in range(40)],
        [call(50, user_id="u1", anonymous_id="tablet"), call(51, user_id="u2", anonymous_id="tablet")],
        [call(60 + n, user_id=f"u{n}", email=f"family{n // 3}@shop.com", traits={"name": f"N{n}"}) for n in range(7)],
        [call(80, anonymous_id="lonely", traits={"plan": "free"})],
    )


@pytest.mark.usefixtures("shop")
def test_a_rebuild_of_a_healthy_database_changes_nothing(conn: Connection) -> None:
    before = snapshot(conn)
    rebuilt = services.rebuild_profiles(now=NOW)
    assert rebuilt.healthy
    assert rebuilt.identifiers == len(before["identifiers"])
    assert snapshot(conn) == before


@pytest.mark.usefixtures("shop")
def test_a_rebuild_repairs_everything_that_is_derived(conn: Connection) -> None:
    before = snapshot(conn)
    damage = psycopg.Cursor(conn)
    damage.execute("update identity_identifier set profile_id = id, component_id = id where id % 3 = 0")
    damage.execute("update identity_identifier set quarantine = 'blocked_value' where value = 'lonely'")
    damage.execute("update identity_profile set traits = '{\"wrong\": 1}' where id % 2 = 0")
    damage.execute("delete from identity_profile where id % 5 = 0")
    damage.execute("delete from identity_refusal")
    moves: list[Move] = []
    rebuilt = services.rebuild_profiles(now=NOW, after=lambda conn, moved, traits: moves.extend(moved))
    assert not rebuilt.healthy
    assert moves
    assert snapshot(conn) == before
    assert services.rebuild_profiles(now=NOW).healthy


@pytest.mark.usefixtures("shop")
def test_a_shadow_run_counts_what_activation_then_does_and_writes_nothing(conn: Connection) -> None:
    before, people_before = snapshot(conn), groups(conn)
    spec = {"kinds": {"user_id": {"max_per_profile": 3}}}
    simulation = services.simulate_policy(spec, now=NOW)
    assert snapshot(conn) == before
    assert simulation["merges"] > 0
    version, rebuilt = services.activate_policy(spec, by="sam", now=NOW)
    merged = [group for group in groups(conn) if sum(one <= group for one in people_before) > 1]
    assert len(merged) == simulation["merges"]
    assert rebuilt.identifiers_differing > 0
    assert selectors.policy().version == version
    assert services.rebuild_profiles(now=NOW).healthy
    services.activate_policy({}, by="sam", now=NOW)
    assert snapshot(conn) == before


@pytest.mark.usefixtures("shop")
def test_the_hot_path_obeys_the_new_policy(conn: Connection) -> None:
    rules = {"visit": {"rule": "source_order", "sources": [1]}}
    services.activate_policy({"trait_rules": rules, "on_conflict": "keep_first"}, by="sam", now=NOW)
    tell(conn, [call(90, user_id="u1", traits={"visit": "later, by a source that counts less"}, source=2)])
    assert people(conn)[next(g for g in groups(conn) if "user_id:u1" in g)]["visit"] == 36
    assert profile_of(conn, "anonymous_id", "tablet") == profile_of(conn, "user_id", "u1")
    assert services.rebuild_profiles(now=NOW).healthy


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "spec", [{"strange": 1}, {"kinds": {"email": {"max_per_profile": 0}}}, {"kinds": {"email": 5}},
             {"on_conflict": "?"}, {"blocked_patterns": ["("]}, {"trait_rules": {"x": {"rule": "loudest"}}}],
)  # fmt: skip
def test_what_is_not_a_policy_is_refused_in_words(spec: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        services.simulate_policy(spec)


@pytest.mark.usefixtures("shop")
def test_the_commands_print_json(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rebuild_profiles", format="json", skip_checks=True)
    assert json.loads(capsys.readouterr().out)["identifiers_differing"] == 0
    call_command("simulate_policy", set=["kinds.user_id.max_per_profile=3"], format="json", skip_checks=True)
    assert json.loads(capsys.readouterr().out)["merges"] > 0


def test_an_empty_database_is_healthy(conn: Connection) -> None:
    assert services.rebuild_profiles(now=NOW).healthy
    assert services.simulate_policy({}, now=NOW)["profiles"] == 0
