"""The engagement score: how everybody stands, and what counts how much."""

from django.http import HttpResponse
from django.urls import reverse

from cdp.nudge import RUN_INSIGHTS, wake
from cdp.web import insights_charts
from cdp.web.access import page
from cdp.web.engagement_form import part_forms, told_parts
from cdp.web.insights_runs import run_state
from cdp.web.navigation import insights_tabs
from cdp.web.pages import PageRequest, actor, go, render, toast
from insights import selectors, services


@page("see", post="edit_segments")
def engagement(request: PageRequest) -> HttpResponse:
    """The newest computation, what each feature gives on average, and the weights, which a person may change."""
    found, wrong = selectors.engagement(), ""
    rows = part_forms(request.POST, found.parts)
    if request.method == "POST" and rows.is_valid():
        try:
            version = services.keep_engagement(told_parts(rows), by=actor(request), now=request.now)
            services.request_run(kind="engagement", by=actor(request), now=request.now)
            wake(RUN_INSIGHTS)
            toast(request, f"Kept as version {version}. Everybody is scored by it now.")
            return go(request, reverse("web:engagement"))
        except services.BadEngagement as refused:
            wrong = str(refused).removeprefix("parts: ")
    features = selectors.features()
    shares = sorted(found.newest.shares.items(), key=lambda one: -one[1]) if found.newest else []
    given = [(features[name].title if name in features else name, share) for name, share in shares]
    return render(
        request, "insights/engagement.html", tabs=insights_tabs("web:engagement"), found=found, rows=rows, wrong=wrong,
        chart=insights_charts.engagement(found.newest) if found.newest else None, given=given,
        status=422 if wrong or (rows.is_bound and not rows.is_valid()) else 200, **run_state("engagement"),
    )  # fmt: skip
