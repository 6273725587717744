"""The door to change: the suppression list, erasures and their receipts."""

from privacy.services.access import write_everything
from privacy.services.erasing import close_erasure, request_erasure, run_erasures
from privacy.services.receipts import public_key, verify
from privacy.services.suppressing import allow_again, suppress, suppressed_among

__all__ = [
    "allow_again",
    "close_erasure",
    "public_key",
    "request_erasure",
    "run_erasures",
    "suppress",
    "suppressed_among",
    "verify",
    "write_everything",
]
