"""The door to change: the suppression list, erasures and their receipts."""

from privacy.services.access import write_everything
from privacy.services.consenting import record_choices, with_evidence
from privacy.services.erasing import close_erasure, request_erasure, run_erasures
from privacy.services.purposes import consent_gates, describe_purpose, keep_gate
from privacy.services.receipts import public_key, verify
from privacy.services.suppressing import allow_again, suppress, suppressed_among, suppressed_kinds

__all__ = [
    "allow_again",
    "close_erasure",
    "consent_gates",
    "describe_purpose",
    "keep_gate",
    "public_key",
    "record_choices",
    "request_erasure",
    "run_erasures",
    "suppress",
    "suppressed_among",
    "suppressed_kinds",
    "verify",
    "with_evidence",
    "write_everything",
]
