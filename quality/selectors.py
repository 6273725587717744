"""The door to read the plan, cleaning rules and what they did."""

from quality.alerting.selectors import ALERT_KINDS, digests, recipients
from quality.blocking.finding import CLASSES
from quality.blocking.services import ANSWERS, block_of
from quality.cleaning.conditions import RELATIONS
from quality.cleaning.reviewing import last_reviews, review_item, review_items, review_size
from quality.cleaning.rules import SCOPES, THEN
from quality.cleaning.selectors import effects, kinds, list_values, rates, reference_lists, rule, rule_versions, rules
from quality.cleaning.trying import try_rule
from quality.figures.selectors import alert, alerts, figures, fill_by_property, fills, open_alerts
from quality.freshness.services import limits
from quality.plan.selectors import enforcement, learned_schema, plan_versions, planned, planned_event, properties_of
from quality.plan.selectors import violations as violations
from quality.reports.services import plan_reports, report_months

__all__ = [
    "ALERT_KINDS", "ANSWERS", "CLASSES", "RELATIONS", "SCOPES", "THEN", "alert", "alerts", "block_of", "digests",
    "effects", "enforcement", "figures", "fill_by_property", "fills", "kinds", "last_reviews", "learned_schema",
    "limits", "list_values", "open_alerts", "plan_reports", "plan_versions", "planned", "planned_event",
    "properties_of", "rates", "recipients", "reference_lists", "report_months", "review_item", "review_items",
    "review_size", "rule", "rule_versions", "rules", "try_rule", "violations",
]  # fmt: skip
