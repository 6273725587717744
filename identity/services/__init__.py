"""The writing door of identity: the only module, with `selectors` and `contracts`, that other apps import."""

from identity.kinds import IDENTIFIER_KINDS
from identity.services.activation import activate_policy
from identity.services.erasing import erase, person_of
from identity.services.evidence import apply_evidence
from identity.services.linkage import NotPossible, request_run, roll_back_run, switch_on
from identity.services.matches import Match, link_matches
from identity.services.memory import Memory
from identity.services.rebuild import Rebuilt, rebuild_profiles
from identity.services.settle import After, Settled
from identity.services.simulate import simulate_policy
from identity.services.steward import assert_link, decide_review, merge, retract_link, split, undo_decision
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
    "decide_review",
    "erase",
    "link_matches",
    "merge",
    "person_of",
    "rebuild_profiles",
    "request_run",
    "retract_link",
    "roll_back_run",
    "simulate_policy",
    "split",
    "standardise",
    "switch_on",
    "undo_decision",
]
