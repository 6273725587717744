"""All tables of this app; each concern keeps its own."""

from quality.plan.models import Enforcement, Observed, PlannedEvent, PlanVersion, Violation

__all__ = ["Enforcement", "Observed", "PlanVersion", "PlannedEvent", "Violation"]
