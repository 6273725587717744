"""How long events are kept: the rules, what would go by them, and having it done."""

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse

from cdp.nudge import APPLY_RETENTION, wake
from cdp.pipeline.retention import request_retention
from cdp.web.access import action, page
from cdp.web.data_forms import RetentionForm
from cdp.web.navigation import data_tabs
from cdp.web.pages import PageRequest, actor, go, render, toast
from connectors import selectors as connectors
from events import selectors as log
from events import services as events


@page("see", post="administer")
def retention(request: PageRequest) -> HttpResponse:
    """The rules with how much would go now. A POST counts what a new rule would take, or keeps it."""
    form = RetentionForm(request.POST or None)
    rules = log.retention_rules(default_days=settings.EVENT_RETENTION_DAYS)
    draft = None
    if request.method == "POST" and form.is_valid():
        wanted = form.rule()
        if request.POST.get("do") == "keep":
            events.keep_retention(by=actor(request), now=request.now, **wanted)
            toast(request, "Kept. It holds from the next run on.")
            return go(request, reverse("web:retention"))
        draft = events.checked_rule(**wanted)
        # It would stand in the place of the one about the same events.
        rules = [one for one in rules if one.key != draft.key] + [draft]
    due, estimated = log.due_events(rules, now=request.now)
    return render(
        request, "data/retention.html", form=form, rules=[(one, due.get(one.id)) for one in rules if one is not draft],
        draft=draft, taken=due.get(draft.id) if draft else None, estimated=estimated, names=connectors.source_names(),
        tabs=data_tabs("web:retention"), status=422 if form.errors else 200,
    )  # fmt: skip


@action("administer")
def steer_retention(request: PageRequest) -> HttpResponse:
    """Take a rule back, or have the rules applied now."""
    if request.POST.get("do") == "run":
        job = request_retention(by=actor(request), now=request.now)
        wake(APPLY_RETENTION)
        return go(request, reverse("web:job", args=[job]))
    text = request.POST.get("rule", "")
    if text.isdecimal() and events.drop_retention(rule_id=int(text), by=actor(request), now=request.now):
        toast(request, "Taken back. What is gone by it stays gone.")
    else:
        toast(request, "There is no such rule any more.", bad=True)
    return go(request, reverse("web:retention"))
