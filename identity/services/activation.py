"""Put another policy in force: a new version, and everything derived recomputed under it in the same transaction."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from common import audit, pg, turns
from identity.models import PolicyVersion
from identity.policy import Policy
from identity.services.rebuild import Progress, Rebuilt, rebuild_under
from identity.services.settle import After, run_after


def activate_policy(
    spec: Mapping[str, Any],
    *,
    by: str,
    note: str = "",
    now: datetime,
    after: After | None = None,
    progress: Progress | None = None,
) -> tuple[int, Rebuilt]:
    """Store the policy as the next version, put it in force and recompute all profiles. Raises ValueError when the
    spec is not a policy."""
    policy = Policy.from_json(spec)
    with transaction.atomic():
        conn = pg.raw()
        # Another holder than any applier: their memories, policy included, are thrown away at their next turn.
        turns.take(conn, "policy")
        before = PolicyVersion.objects.filter(active=True).first()
        PolicyVersion.objects.filter(active=True).update(active=False)
        version = PolicyVersion.objects.create(
            spec=policy.to_json(), active=True, note=note, created_at=now, created_by=by
        )
        rebuilt, settled = rebuild_under(conn, policy, now=now, progress=progress)
        PolicyVersion.objects.filter(pk=version.pk).update(figures=asdict(rebuilt))
        audit.record(
            actor=by, action="identity.policy", object_type="policy", object_id=version.pk,
            summary=f"activated policy {version.pk}", before=before.spec if before else None, after=version.spec,
            reason=note, at=now,
        )  # fmt: skip
        run_after(after, conn, settled)
    return version.pk, rebuilt
