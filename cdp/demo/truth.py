"""The truth in the database: written before the play, read by the scorecard alone."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db import connection, transaction

from cdp.demo.messages import Key
from cdp.demo.scoring import Grades, grade
from cdp.models import DemoTruth
from common import clock
from identity.services import standardise

_CACHE_KEY = "demo:scorecard"
_KEPT_SECONDS = 30

# An identifier that several people truly use (a shared tablet, a landline) belongs to no single profile, so it is not
# graded itself; the harm it does, joining its owners, is graded on all their other identifiers.
_CELLS = """
select own.person, identifier.profile_id, count(*)
from (
    select kind, value, min(person) as person
    from cdp_demotruth
    group by kind, value
    having count(*) = 1
) own
join identity_identifier identifier using (kind, value)
group by own.person, identifier.profile_id
"""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """How many people there really are, how many profiles were found, and how right the resolution is, at a moment.

    Only people and identifiers that have arrived so far are counted.
    """

    grades: Grades
    as_of: datetime

    @property
    def people(self) -> int:
        """People who are truly there."""
        return self.grades.people

    @property
    def profiles(self) -> int:
        """Profiles that were found for them."""
        return self.grades.profiles


def store_truth(truth: Mapping[Key, Set[str]]) -> None:
    """Keep who uses which identifier, in the canonical form the resolution knows it by. Idempotent."""
    rows = [
        DemoTruth(kind=key.kind, value=value, person=person)
        for key, people in truth.items()
        if (value := standardise(key.kind, key.value)) is not None
        for person in sorted(people)
    ]
    with transaction.atomic():
        DemoTruth.objects.bulk_create(rows, batch_size=5_000, ignore_conflicts=True)


def scorecard() -> Scorecard | None:
    """The demo's scorecard, at most 30 seconds old; None where no demo was played or nothing of it has arrived."""
    kept: Scorecard | None = cache.get(_CACHE_KEY)
    if kept is not None:
        return kept
    with connection.cursor() as cursor:
        cursor.execute(_CELLS)
        grades = grade(cursor.fetchall())
    if not grades.identifiers:
        return None
    card = Scorecard(grades=grades, as_of=clock.now())
    cache.set(_CACHE_KEY, card, _KEPT_SECONDS)
    return card
