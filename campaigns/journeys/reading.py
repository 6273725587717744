"""Reading versions and facts for a batch: the number of statements does not depend on how many people there are."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import psycopg

from campaigns.experiments.deciding import assign_people
from campaigns.experiments.selectors import experiments_named
from campaigns.journeys.advancing import Assigned, Facts, Happened
from campaigns.journeys.entering import Opened
from campaigns.journeys.spec import Spec, asked_events, experiments_of, segments_of
from common import clock, pg
from segments import selectors as segments

_OPENED = """
select c.id, c.version, c.seed, v.spec::text from campaigns_campaign c
join campaigns_campaignversion v on v.campaign_id = c.id and v.number = c.version
where c.state = 'running' and (%(all)s or c.id = any(%(ids)s))
"""
_SPECS = """
select n.campaign, n.version, v.spec::text from unnest(%(campaigns)s, %(versions)s) as n (campaign, version)
join campaigns_campaignversion v on v.campaign_id = n.campaign and v.number = n.version
"""
_TRAITS = "select profile_id, traits::text from identity_trait where profile_id = any(%(ids)s)"
_EVENTS = """
select n.instance, e.name, e.occurred_at, e.properties::text
from unnest(%(instances)s, %(profiles)s, %(since)s) as n (instance, profile, since)
join identity_member m on m.profile_id = n.profile
join events_event e on e.identifier_id = m.identifier_id and e.occurred_at >= n.since
where e.name = any(%(names)s) and e.occurred_at >= %(earliest)s
"""


class Who(NamedTuple):
    """Of whom facts are asked."""

    instance_id: int
    profile_id: int
    entered_at: datetime
    spec: Spec


@lru_cache(maxsize=512)
def read(text: str) -> Spec:
    """The document of a stored version."""
    return msgspec.json.decode(text, type=Spec)


def opened(cursor: psycopg.Cursor[Any], ids: Iterable[int] | None = None) -> dict[int, Opened]:
    """The running campaigns (of these, or all) with the version that people enter on."""
    asked = {"all": ids is None, "ids": sorted(ids or ())}
    return {row[0]: Opened(row[0], row[1], row[2], read(row[3])) for row in cursor.execute(_OPENED, asked).fetchall()}


def specs(cursor: psycopg.Cursor[Any], wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Spec]:
    """The documents of versions, by (campaign, number)."""
    asked = sorted(set(wanted))
    rows = cursor.execute(_SPECS, {
        "campaigns": pg.int8s([one[0] for one in asked]), "versions": pg.int4s([one[1] for one in asked]),
    }).fetchall()  # fmt: skip
    return {(row[0], row[1]): read(row[2]) for row in rows}


def facts(cursor: psycopg.Cursor[Any], people: Sequence[Who], *, now: datetime) -> dict[int, Facts]:
    """What is known of each, by instance."""
    profiles = sorted({one.profile_id for one in people})
    traits = {row[0]: pg.from_jsonb(row[1]) for row in cursor.execute(_TRAITS, {"ids": pg.int8s(profiles)}).fetchall()}
    member = _memberships(people, profiles)
    happened = _events(cursor, people)
    variants = _variants(people)
    return {
        one.instance_id: Facts(
            traits.get(one.profile_id, {}), member.get(one.profile_id, frozenset()),
            happened.get(one.instance_id, {}), variants.get(one.profile_id, {}),
        )
        for one in people
    }  # fmt: skip


def _memberships(people: Sequence[Who], profiles: Sequence[int]) -> Mapping[int, frozenset[str]]:
    if not any(segments_of(one.spec) for one in people):
        return {}
    return {profile: frozenset(slugs) for profile, slugs in segments.slugs_of(profiles).items()}


def _events(cursor: psycopg.Cursor[Any], people: Sequence[Who]) -> dict[int, dict[str, list[Happened]]]:
    names = sorted(frozenset().union(*(asked_events(one.spec) for one in people)))
    if not names:
        return {}
    asked = [one for one in people if asked_events(one.spec)]
    rows = cursor.execute(_EVENTS, {
        "instances": pg.int8s([one.instance_id for one in asked]),
        "profiles": pg.int8s([one.profile_id for one in asked]),
        "since": pg.timestamps([clock.micros(one.entered_at) for one in asked]), "names": names,
        "earliest": min(one.entered_at for one in asked),
    }).fetchall()  # fmt: skip
    found: dict[int, dict[str, list[Happened]]] = {}
    for instance, name, at, properties in rows:
        told = pg.from_jsonb(properties) or {}
        found.setdefault(instance, {}).setdefault(name, []).append(Happened(at, told))
    return found


def _variants(people: Sequence[Who]) -> dict[int, dict[str, Assigned]]:
    slugs = sorted(frozenset().union(*(experiments_of(one.spec) for one in people)))
    found: dict[int, dict[str, Assigned]] = {}
    for experiment in experiments_named(slugs):
        asked = sorted({one.profile_id for one in people if experiment.slug in experiments_of(one.spec)})
        for profile, given in assign_people(experiment, asked).items():
            if given.taking_part or given.reason == "winner":
                found.setdefault(profile, {})[experiment.slug] = Assigned(given.variant.key, given.taking_part)
    return found
