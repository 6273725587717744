"""Campaigns: the list, how one stands, who is where, and starting and stopping it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from campaigns import selectors, services
from campaigns.contracts import CampaignSpec, CampaignView, InvalidCampaign, NotNow, Stopping
from cdp.nudge import RUN_CAMPAIGNS, wake
from cdp.web import campaign_words as words
from cdp.web.access import action, page
from cdp.web.campaign_forms import names
from cdp.web.charts import steps_of_campaign
from cdp.web.flow import Flow, drawn
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.paging import Page, after_id, page_of
from cdp.web.people import by_ids
from cdp.web.tabs import Tab, tabs
from cdp.web.views.profiles import open_profile
from common import access

_TABS = (
    ("Overview", "web:campaign"), ("Steps", "web:edit_campaign"), ("Try", "web:try_campaign"),
    ("People", "web:campaign_people"),
)  # fmt: skip


@page("see")
def campaigns(request: PageRequest) -> HttpResponse:
    """All of them, with how many people are where."""
    found = selectors.campaigns()
    counted, called = selectors.states([one.id for one in found]), names()
    rows = [
        {"campaign": one, "entry": words.entry(one.draft, called), "inside": counted[one.id].get("active", 0),
         "entered": sum(counted[one.id].values()), "goal": counted[one.id].get("goal", 0),
         "ends": one.draft.goal is not None and one.draft.goal.ends}
        for one in found
    ]  # fmt: skip
    return render(request, "campaigns/list.html", rows=rows)


@page("edit_campaigns", post="edit_campaigns")
def new_campaign(request: PageRequest) -> HttpResponse:
    """From nothing, or from an example."""
    if request.method == "POST":
        by, example = actor(request), request.POST.get("example", "")
        try:
            if example:
                made = services.begin_example(example, by=by, now=request.now)
            else:
                name = request.POST.get("name", "")
                made = services.create_campaign(name=name, spec=_BLANK, by=by, now=request.now, owner=by)
        except (InvalidCampaign, KeyError) as wrong:
            told = next(iter(wrong.problems.values())) if isinstance(wrong, InvalidCampaign) else "Choose an example."
            return render(request, "campaigns/new.html", examples=selectors.EXAMPLES, problem=told, status=422)
        toast(request, "It is a draft. Nobody enters before it is started.")
        return go(request, reverse("web:edit_campaign", args=[made.id]))
    return render(request, "campaigns/new.html", examples=selectors.EXAMPLES, problem="")


_BLANK: Mapping[str, Any] = {
    "entry": {"kind": "event", "event": "Cart Abandoned"}, "holdout": 10.0, "steps": [],
}  # fmt: skip


@page("see")
def campaign(request: PageRequest, campaign_id: int) -> HttpResponse:
    """How it stands: what it does, what came of it, and what can be done."""
    found = selectors.campaign(campaign_id)
    if found is None:
        return not_found(request, "campaign", reverse("web:campaigns"))
    results = selectors.campaign_results(found.id, now=request.now)
    versions = selectors.campaign_versions(found.id)
    spec = versions[0].spec if versions else found.draft
    steps, called = {step["id"]: step for step in selectors.outline(spec).steps}, names()
    written = [
        {"title": words.title(steps[one.step]) if one.step in steps else one.step, "count": one}
        for one in results.messages
    ]  # fmt: skip
    counts = [_counted(one, steps.get(one.step), called) for one in results.steps]
    told = {one.step: f"{one.came:,} came, {one.waiting:,} wait" for one in results.steps}
    return render(
        request, "campaigns/one.html", campaign=found, entry=words.entry(spec, called),
        tabs=_tabs(found, "web:campaign"), results=results, counts=counts, written=written,
        chart=steps_of_campaign([(one["title"], one["count"]) for one in counts]),
        flow=picture(spec, told), versions=versions, audience=_audience(found, request), problems=_problems(found),
        stopping=selectors.stopping(found.id), may_mass=access.can(request.user, "administer"), me=actor(request),
        secret=selectors.signing_secret(found.id) if _calls(spec) and access.can(request.user, "administer") else "",
        next_times=services.next_times(found.id, now=request.now),
    )  # fmt: skip


@page("see")
def campaign_people(request: PageRequest, campaign_id: int) -> HttpResponse:
    """Who is where."""
    found = selectors.campaign(campaign_id)
    if found is None:
        return not_found(request, "campaign", reverse("web:campaigns"))
    before, called = after_id(request), names()
    shown = page_of(
        selectors.instances(campaign_id=found.id, before=before, limit=Page.SIZE + 1), key=lambda one: one.id,
        started=before is not None,
    )  # fmt: skip
    return render(
        request, "campaigns/people.html", campaign=found, tabs=_tabs(found, "web:campaign_people"),
        journeys=[journey(one, called) for one in shown.rows], page=shown,
        people=by_ids({one.profile_id for one in shown.rows if one.profile_id}),
    )  # fmt: skip


@page("see")
def profile_campaigns(request: PageRequest, profile_id: int) -> HttpResponse:
    """The campaigns that a person was in, each step with the way that was taken."""
    context = open_profile(request, profile_id, "web:profile_campaigns")
    if isinstance(context, HttpResponse):
        return context
    called = names()
    journeys = [journey(one, called) for one in selectors.instances(profile_id=profile_id)]
    return render(request, "profiles/campaigns.html", **context, journeys=journeys)


@action("edit_campaigns")
def steer_campaign(request: PageRequest, campaign_id: int) -> HttpResponse:
    """Start, approve, pause, resume or stop."""
    found = selectors.campaign(campaign_id)
    if found is None:
        return not_found(request, "campaign", reverse("web:campaigns"))
    try:
        told = _steer(request, found)
    except (InvalidCampaign, NotNow) as wrong:
        toast(request, str(wrong), bad=True)
    else:
        wake(RUN_CAMPAIGNS)
        toast(request, told)
    return go(request, reverse("web:campaign", args=[found.id]))


def _steer(request: PageRequest, found: CampaignView) -> str:
    given: dict[str, Any] = {"by": actor(request), "now": request.now}
    if request.POST.get("do") == "start":
        may_mass = access.can(request.user, "administer")
        started = services.start_campaign(found.id, may_mass=may_mass, **given)
        return "It waits for a second person." if started.asked else f"Version {started.version} is in force."
    work = _DOES.get(request.POST.get("do", ""))
    if work is None:
        raise NotNow("Choose what to do.")
    done, told = work
    answer = done(found.id, **given)
    return told.format(answer) if isinstance(answer, Stopping) else told


_DOES: Mapping[str, tuple[Callable[..., Any], str]] = {
    "approve": (services.approve_campaign, "It is in force."),
    "decline": (services.decline_campaign, "Declined; it stays as it was."),
    "resume": (services.resume_campaign, "People move on."),
    "pause": (services.pause_campaign, "Paused. {0.inside} people stay where they are. {0.waiting} messages that wait "
              "still go out; {0.sent} are out and cannot be recalled."),
    "stop": (services.stop_campaign, "Stopped. {0.inside} people were let go and {0.waiting} messages taken back; "
             "{0.sent} are out and cannot be recalled."),
}  # fmt: skip


def campaign_tabs(found: CampaignView, here: str) -> list[Tab]:
    """The pages of a campaign."""
    return tabs([(label, reverse(name, args=[found.id])) for label, name in _TABS], reverse(here, args=[found.id]))


_tabs = campaign_tabs


def picture(spec: CampaignSpec, told: Mapping[str, str] | None = None) -> Flow:
    """The graph of a document."""
    found, called = selectors.outline(spec), names()
    steps = [{**step, "title": words.title(step)} for step in found.steps]
    by_id = {step["id"]: step for step in found.steps}
    ways = {
        name: [(words.way(by_id[name], label, called), target) for label, target in some]
        for name, some in found.ways.items()
    }  # fmt: skip
    return drawn(steps, ways, told or {step["id"]: words.detail(step, called) for step in found.steps})


def journey(one: Any, called: words.Names) -> dict[str, Any]:
    """A journey with its path in words."""
    version = next((each for each in selectors.campaign_versions(one.campaign_id) if each.number == one.version), None)
    steps = {step["id"]: step for step in selectors.outline(version.spec).steps} if version else {}
    path = [
        {"title": words.title(steps[each.step]) if each.step in steps else each.step,
         "way": words.way(steps.get(each.step), each.way, called), "at": each.left_at}
        for each in one.passed
    ]  # fmt: skip
    here = words.title(steps[one.step]) if one.step in steps else ""
    return {"journey": one, "path": path, "here": here}


def _counted(one: Any, step: Mapping[str, Any] | None, called: words.Names) -> dict[str, Any]:
    ways = ", ".join(f"{words.way(step, way, called)}: {count:,}" for way, count in sorted(one.left.items()))
    return {"title": words.title(step) if step else one.step, "count": one, "ways": ways}


def _audience(found: CampaignView, request: PageRequest) -> Any:
    """Whom it would reach, while it can be started."""
    if found.state in ("stopped", "finished") or not found.changed:
        return None
    return services.audience_of(found.id, now=request.now)


def _problems(found: CampaignView) -> list[str]:
    """What keeps the draft from being started."""
    if found.state in ("stopped", "finished") or not found.changed:
        return []
    try:
        services.expect_ready(found.id)
    except InvalidCampaign as wrong:
        return [f"{where.strip('/') or 'Campaign'}: {what}" for where, what in wrong.problems.items()]
    return []


def _calls(spec: CampaignSpec) -> bool:
    return any(step["kind"] == "webhook" for step in selectors.outline(spec).steps)
