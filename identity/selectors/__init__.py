"""The reading door of identity. Answers are contracts, never rows."""

from identity.linkage.services import linkage_backlog
from identity.selectors.columns import column_roles
from identity.selectors.consents import consent_answers, consent_history, purposes_told
from identity.selectors.explaining import links_of, why
from identity.selectors.knowing import person_of
from identity.selectors.linkage import linkage_comparisons, linkage_model, linkage_models, linkage_run, linkage_runs
from identity.selectors.policies import counts, policy, policy_versions
from identity.selectors.profiles import (
    current_ids,
    find_identifiers,
    find_profile,
    identifier_ids,
    identifiers_named,
    profile_view,
    profiles_by_id,
    profiles_page,
    provenance,
)
from identity.selectors.stewardship import decisions, review_pair, review_pairs_between, review_queue

__all__ = [
    "column_roles",
    "consent_answers",
    "consent_history",
    "counts",
    "current_ids",
    "decisions",
    "find_identifiers",
    "find_profile",
    "identifier_ids",
    "identifiers_named",
    "linkage_backlog",
    "linkage_comparisons",
    "linkage_model",
    "linkage_models",
    "linkage_run",
    "linkage_runs",
    "links_of",
    "person_of",
    "policy",
    "policy_versions",
    "profile_view",
    "profiles_by_id",
    "profiles_page",
    "provenance",
    "purposes_told",
    "review_pair",
    "review_pairs_between",
    "review_queue",
    "why",
]
