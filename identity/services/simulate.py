"""The shadow run of a policy: what would change on the real data. Writes nothing, takes no turn."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection, transaction

from common import pg
from identity.reconcile import traits_json
from identity.services import regroup
from identity.services.policies import load_policy
from identity.services.rebuild import claims_by_profile
from identity.services.scan import scan

_EXAMPLES = 20


@dataclass(slots=True)
class Simulation:
    """What the policy would do: `merges` are profiles of the new policy made of several present ones, `splits` present
    profiles that would fall apart, `profiles_affected` the present profiles in either."""

    profiles: int = 0
    merges: int = 0
    splits: int = 0
    profiles_affected: int = 0
    identifiers_moved: int = 0
    links_refused: int = 0
    links_no_longer_refused: int = 0
    traits_changed: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


def simulate_policy(spec: Mapping[str, Any], *, now: datetime | None = None) -> dict[str, Any]:
    """Run a changed policy over all components and count. Settings that `spec` leaves out stay as they are in force.

    Reads one consistent state, component by component, and writes nothing. Raises ValueError when the spec is not a
    policy. (`now` is taken for symmetry with its siblings: a partition knows no time.)
    """
    nested = connection.in_atomic_block
    simulation = Simulation()
    with transaction.atomic():
        conn = pg.raw()
        cursor = psycopg.Cursor(conn)
        if not nested:
            cursor.execute("set transaction isolation level repeatable read, read only")
        present = load_policy(cursor)[1]
        policy = present.changed(spec)
        ((simulation.profiles,),) = cursor.execute("select count(*) from identity_profile").fetchall()
        for members, changes in scan(conn, policy):
            _count(members, changes, simulation)
        if (present.trait_default, present.trait_rules) != (policy.trait_default, policy.trait_rules):
            simulation.traits_changed = sum(
                traits_json(claims, present) != traits_json(claims, policy) for _, claims in claims_by_profile(conn)
            )
    return asdict(simulation)


def _count(members: list[regroup.Member], changes: regroup.Changes, simulation: Simulation) -> None:
    simulation.links_refused += len(changes.refused)
    simulation.links_no_longer_refused += len(changes.unrefused)
    simulation.identifiers_moved += len(changes.moved)
    if not changes.moved:
        return
    target = {move.identifier_id: move.to_profile for move in changes.moved}
    sources: dict[int, set[int]] = defaultdict(set)
    targets: dict[int, set[int]] = defaultdict(set)
    for member in members:
        to = target.get(member.id, member.profile)
        sources[to].add(member.profile)
        targets[member.profile].add(to)
    merged = {to: before for to, before in sources.items() if len(before) > 1}
    parted = {profile: to for profile, to in targets.items() if len(to) > 1}
    simulation.merges += len(merged)
    simulation.splits += len(parted)
    simulation.profiles_affected += len(set().union(parted, *merged.values()))
    room = max(0, _EXAMPLES - len(simulation.examples))
    found: list[dict[str, Any]] = [{"merge": sorted(before)} for before in merged.values()]
    found += [{"split": profile, "parts": len(to)} for profile, to in parted.items()]
    simulation.examples += found[:room]
