"""How far the newest computation of a kind is, for the pages that show it."""

from typing import Any

from django.urls import reverse

from common.models import Job
from insights import selectors


def run_state(kind: str, slug: str = "") -> dict[str, Any]:
    """What `insights/run_state.html` needs."""
    run = selectors.newest_run(kind, slug)
    where = [kind, slug] if slug else [kind]
    name = "web:grouping_run" if slug else "web:insights_run"
    return {
        "run": run, "job": Job.objects.filter(pk=run.job_id or 0).first() if run else None,
        "state_address": reverse(name, args=where),
    }  # fmt: skip
