"""What crosses the door of `quality`."""

from quality.alerting.contracts import INTERVALS, BadRecipient, DigestView, NoSuchDigest, RecipientView
from quality.cleaning.contracts import (
    BadRule,
    Definition,
    EffectView,
    ListView,
    RatesView,
    ReviewView,
    RuleView,
    Sample,
    Trial,
    VersionView,
)
from quality.figures.contracts import AlertView, FigureView, FillView, NoSuchAlert
from quality.freshness.contracts import BadLimit, LimitView
from quality.plan.contracts import BadSchema, EnforcementView, PlannedView, PropertyView, ViolationView
from quality.reports.contracts import ReportView

__all__ = [
    "INTERVALS", "AlertView", "BadLimit", "BadRecipient", "BadRule", "BadSchema", "Definition", "DigestView",
    "EffectView", "EnforcementView", "FigureView", "FillView", "LimitView", "ListView", "NoSuchAlert", "NoSuchDigest",
    "PlannedView", "PropertyView", "RatesView", "RecipientView", "ReportView", "ReviewView", "RuleView", "Sample",
    "Trial", "VersionView", "ViolationView",
]  # fmt: skip
