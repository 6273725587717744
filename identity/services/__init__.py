"""The writing door of identity: the only module, with `selectors` and `contracts`, that other apps import."""

from identity.kinds import IDENTIFIER_KINDS
from identity.services.evidence import apply_evidence
from identity.services.memory import Memory
from identity.standardise import standardise

__all__ = ["IDENTIFIER_KINDS", "Memory", "apply_evidence", "standardise"]
