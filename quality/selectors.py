"""The door to read the plan."""

from quality.plan.selectors import enforcement, learned_schema, plan_versions, planned, planned_event, properties_of
from quality.plan.selectors import violations as violations

__all__ = [
    "enforcement", "learned_schema", "plan_versions", "planned", "planned_event", "properties_of", "violations",
]  # fmt: skip
