"""The door to change segments. The hot path is `follow`; people use the others."""

from segments.services.following import follow, run_due
from segments.services.memory import Memory

__all__ = ["Memory", "follow", "run_due"]
