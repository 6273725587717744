"""The door to change the plan, and its stage in the pipeline."""

from quality.plan.services import decide_event, forget_samples, keep_enforcement
from quality.plan.stage import PlanStage

__all__ = ["PlanStage", "decide_event", "forget_samples", "keep_enforcement"]
