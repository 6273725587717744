"""All tables of this app; each concern keeps its own."""

from quality.alerting.models import AlertDigest, AlertNotice, AlertRecipient
from quality.blocking.models import PersonalBlock
from quality.cleaning.models import (
    CleaningEffect,
    CleaningRule,
    CleaningVersion,
    Rate,
    RateImport,
    ReferenceList,
    ReviewItem,
)
from quality.figures.models import DayFigure, DayFill, QualityAlert
from quality.freshness.models import FreshnessLimit
from quality.plan.models import Enforcement, Observed, PlannedEvent, PlanVersion, Violation
from quality.reports.models import PlanReport

__all__ = [
    "AlertDigest", "AlertNotice", "AlertRecipient", "CleaningEffect", "CleaningRule", "CleaningVersion", "DayFigure",
    "DayFill", "Enforcement", "FreshnessLimit", "Observed", "PersonalBlock", "PlanReport", "PlanVersion",
    "PlannedEvent", "QualityAlert", "Rate", "RateImport", "ReferenceList", "ReviewItem", "Violation",
]  # fmt: skip
