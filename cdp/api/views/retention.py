"""How long events are kept."""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.retention import (
    RetentionPreviewShape,
    RetentionRuleIn,
    RetentionRuleShape,
    RetentionRunShape,
    RetentionShape,
)
from cdp.api.views.base import ApiView, accepted, body, expect_id, shaped
from cdp.nudge import APPLY_RETENTION, wake
from cdp.pipeline.retention import request_retention
from common import clock
from events import selectors, services
from events.contracts import RetentionRule


class Retention(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read", "post": "admin:*"}

    @extend_schema(operation_id="listRetention", summary="List retention rules", tags=["events"],
                   responses=RetentionShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """Of the rules that fit an event the first one decides."""
        return Response(shaped(RetentionShape, request)({"rules": _rules()}))

    @extend_schema(operation_id="keepRetention", summary="Keep a retention rule", tags=["events"],
                   request=RetentionRuleIn, responses=RetentionRuleShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """A rule about the same events is changed. It holds from the next run on, which is once a day."""
        made = services.keep_retention(
            by=actor(request), via="api", now=clock.now(), **body(request, RetentionRuleIn)
        )  # fmt: skip
        return Response(shaped(RetentionRuleShape, request)(made))


class RetentionPreview(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "sync:read"}

    @extend_schema(operation_id="previewRetention", summary="Count what a retention rule would take", tags=["events"],
                   request=RetentionRuleIn, responses=RetentionPreviewShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """How many events would go now by each rule, with this one among them."""
        draft = services.checked_rule(**body(request, RetentionRuleIn))
        rules = [*(one for one in _rules() if one.key != draft.key), draft]
        due, estimated = selectors.due_events(rules, now=clock.now())
        found = [_due(one, due[one.id]) for one in rules if one.id in due]
        return Response(shaped(RetentionPreviewShape, request)({"due": found, "estimated": estimated}))


def _due(rule: RetentionRule, due: Any) -> dict[str, Any]:
    return {"about": rule.about, "days": rule.days, "count": due.count, "oldest_at": due.oldest_at}


class RetentionRun(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "admin:*"}

    @extend_schema(operation_id="runRetention", summary="Take out what is over now", tags=["events"], request=None,
                   responses={202: RetentionRunShape})  # fmt: skip
    def post(self, request: Request) -> Response:
        """Else it is done once a day. Cannot be undone; stop it by its job."""
        job_id = request_retention(by=actor(request), now=clock.now(), via="api")
        wake(APPLY_RETENTION)
        return accepted(shaped(RetentionRunShape, request)({"job_id": job_id}), f"/api/v1/jobs/{job_id}")


class OneRetentionRule(ApiView):
    scopes: ClassVar[dict[str, str]] = {"delete": "admin:*"}

    @extend_schema(operation_id="dropRetention", summary="Take a retention rule back", tags=["events"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, rule_id: str) -> Response:
        """What is gone by it stays gone."""
        dropped = services.drop_retention(
            rule_id=expect_id(rule_id), by=actor(request), now=clock.now(), via="api"
        )  # fmt: skip
        if not dropped:
            raise Problem("not-found")
        return Response(status=204)


def _rules() -> list[RetentionRule]:
    return selectors.retention_rules(default_days=settings.EVENT_RETENTION_DAYS)
