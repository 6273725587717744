"""What crosses the door of `quality`."""

from quality.plan.contracts import BadSchema, EnforcementView, PlannedView, PropertyView, ViolationView

__all__ = ["BadSchema", "EnforcementView", "PlannedView", "PropertyView", "ViolationView"]
