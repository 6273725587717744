"""Celery's addresses: each task is one call of a service. All are safe to run twice, or late, or side by side.
Those that share threads run once at a time in each process, so that long ones leave threads for the others.

What a task calls is imported in the task: beat, and workers of other queues, know its address and hold nothing of it.
"""

from cdp.tasks import arriving, computing, following, keeping

__all__ = ["arriving", "computing", "following", "keeping"]
