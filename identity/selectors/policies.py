"""The policy, its versions, and the size of things."""

from identity.contracts import PolicyView
from identity.models import PolicyVersion
from identity.policy import Policy
from identity.selectors.reading import fetch


def policy_in_force() -> Policy:
    """The active policy as a value."""
    active = PolicyVersion.objects.filter(active=True).first()
    return Policy.from_json(active.spec) if active else Policy()


def _view(row: PolicyVersion) -> PolicyView:
    return PolicyView(row.version, row.spec, row.active, row.created_at, row.created_by, row.note, row.figures)


def policy() -> PolicyView:
    """The policy in force; version 0 is what is built in."""
    active = PolicyVersion.objects.filter(active=True).first()
    return _view(active) if active else PolicyView(0, Policy().to_json(), True)


def policy_versions() -> list[PolicyView]:
    """All stored versions, newest first."""
    return [_view(row) for row in PolicyVersion.objects.order_by("-version")]


_COUNTS = """
select (select count(*) from identity_identifier), (select count(*) from identity_profile),
       (select count(*) from identity_link where retracted_at is null), (select count(*) from identity_refusal),
       (select count(*) from identity_identifier where quarantine <> ''),
       (select count(*) from identity_reviewpair where state = 'open')
"""


def counts() -> dict[str, int]:
    """How many identifiers, profiles, links, refused links, quarantined identifiers and open reviews there are."""
    names = ("identifiers", "profiles", "links", "links_refused", "quarantined", "review_open")
    return dict(zip(names, fetch(_COUNTS)[0], strict=True))
