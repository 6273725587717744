"""Bandits: what they have learned, and what the learning cost."""

from django.http import HttpResponse
from django.urls import reverse

from campaigns import selectors, services
from campaigns.contracts import InvalidBandit
from cdp.web.access import action, page
from cdp.web.navigation import personalise_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.slot_forms import BanditForm

_WIDTH = 200.0


@page("see", post="edit_campaigns")
def bandits(request: PageRequest) -> HttpResponse:
    """All of them, and a new one."""
    form = BanditForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_bandit(**form.asked(), by=actor(request), now=request.now)
        except InvalidBandit as wrong:
            for where, what in wrong.problems.items():
                name = {"context": "depends_on"}.get(where.split("/")[1], where.split("/")[1])
                form.add_error(name if name in form.fields else None, what)
        else:
            toast(request, "It runs. Name it in a rule of a slot.")
            return go(request, reverse("web:bandit", args=[made.id]))
    return render(
        request, "slots/bandits.html", bandits=selectors.bandits(), form=form, tabs=personalise_tabs("web:bandits"),
        status=422 if form.errors else 200,
    )  # fmt: skip


@page("see")
def bandit(request: PageRequest, bandit_id: int) -> HttpResponse:
    """Each arm's posterior, bucket by bucket, and the regret."""
    found = selectors.bandit(bandit_id)
    if found is None:
        return not_found(request, "bandit", reverse("web:bandits"))
    told = selectors.bandit_report(found)
    reach = max((one.high for one in told.arms), default=1.0) or 1.0
    names = {one.key: one.name for one in found.arms}
    arms = [
        {"name": names.get(one.arm, one.arm), "figure": one, "left": f"{one.low / reach * _WIDTH:.1f}",
         "width": f"{(one.high - one.low) / reach * _WIDTH:.1f}", "point": f"{one.mean / reach * _WIDTH:.1f}"}
        for one in told.arms
    ]  # fmt: skip
    using = [
        one for one in selectors.slots() if any(rule.show.bandit == found.slug for rule in one.document.rules)
    ]  # fmt: skip
    return render(request, "slots/bandit.html", bandit=found, arms=arms, regret=told.regret, using=using)


@action("edit_campaigns")
def steer_bandit(request: PageRequest, bandit_id: int) -> HttpResponse:
    """Stop it or let it go on."""
    found = selectors.bandit(bandit_id)
    if found is None:
        return not_found(request, "bandit", reverse("web:bandits"))
    running = request.POST.get("do") == "go_on"
    services.change_bandit(found.id, {"running": running}, by=actor(request), now=request.now)
    toast(request, "It goes on." if running else "It shows nothing any more; slots go on to their next rule.")
    return go(request, reverse("web:bandit", args=[found.id]))
