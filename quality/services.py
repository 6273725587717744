"""The door to change the plan and the rules, and their stages in the pipeline."""

from collections.abc import Sequence
from typing import Any

import psycopg

from quality.alerting.sending import tell
from quality.alerting.services import Wish, drop_recipient, keep_alert_webhook, keep_mail, send_again
from quality.blocking.services import keep_block
from quality.blocking.stage import BlockingStage
from quality.cleaning.rates import keep_rates
from quality.cleaning.reviewing import settle_review
from quality.cleaning.services import (
    change_rule,
    create_rule,
    delete_rule,
    forget_effects,
    keep_list,
    move_rule,
    put_back,
    switch_rule,
)
from quality.cleaning.stage import CleaningStage, restored
from quality.figures.alerts import acknowledge_alert, check_quality
from quality.figures.outside import settle_alarm
from quality.figures.stage import FiguresStage
from quality.freshness.services import check_limits, drop_limit, keep_limit
from quality.plan.services import decide_event, forget_violations, keep_enforcement
from quality.plan.stage import PlanStage
from quality.reports.services import write_reports

__all__ = [
    "BlockingStage", "CleaningStage", "FiguresStage", "PlanStage", "Wish", "acknowledge_alert", "change_rule",
    "check_limits", "check_quality", "create_rule", "decide_event", "delete_rule", "drop_limit", "drop_recipient",
    "forget_samples", "keep_alert_webhook", "keep_block", "keep_enforcement", "keep_limit", "keep_list", "keep_mail",
    "keep_rates", "move_rule", "put_back", "restored", "send_again", "settle_alarm", "settle_review", "switch_rule",
    "tell", "write_reports",
]  # fmt: skip


def forget_samples(conn: psycopg.Connection[Any], *, texts: Sequence[str]) -> dict[str, int]:
    """Take out whatever this app keeps that holds one of these texts (in small letters), and what hung on quarantined
    items that are gone; rows by table."""
    return {**forget_violations(conn, texts=texts), **forget_effects(conn, texts=texts)}
