"""The writing door of identity: the only module, with `selectors` and `contracts`, that other apps import."""

from identity.kinds import IDENTIFIER_KINDS
from identity.services.activation import activate_policy
from identity.services.computed import (
    differing_computed,
    keep_computed,
    outdated_computed,
    retract_computed,
    write_computed,
)
from identity.services.consents import known_among, record_consents, said_of, word_of
from identity.services.erasing import erase, person_of
from identity.services.evidence import apply_evidence
from identity.services.linkage import NotPossible, request_run, roll_back_run, switch_on
from identity.services.matches import Match, link_matches
from identity.services.memory import Memory
from identity.services.rebuild import Rebuilt, rebuild_profiles
from identity.services.settle import After, Settled
from identity.services.simulate import simulate_policy
from identity.services.steward import assert_link, decide_review, merge, retract_link, split, undo_decision
from identity.services.withdrawing import by_component, withdraw
from identity.standardise import standardise

__all__ = [
    "IDENTIFIER_KINDS",
    "After",
    "Match",
    "Memory",
    "NotPossible",
    "Rebuilt",
    "Settled",
    "activate_policy",
    "apply_evidence",
    "assert_link",
    "by_component",
    "decide_review",
    "differing_computed",
    "erase",
    "keep_computed",
    "known_among",
    "link_matches",
    "merge",
    "outdated_computed",
    "person_of",
    "rebuild_profiles",
    "record_consents",
    "request_run",
    "retract_computed",
    "retract_link",
    "roll_back_run",
    "said_of",
    "simulate_policy",
    "split",
    "standardise",
    "switch_on",
    "undo_decision",
    "withdraw",
    "word_of",
    "write_computed",
]
