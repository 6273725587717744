"""Cleaning rules: in their order, tried before they are on, with what they did; the lists and rates they use."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import page
from cdp.web.cleaning_form import RuleForm, initial
from cdp.web.forms import RatesForm, ReferenceListForm
from cdp.web.navigation import data_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from connectors import selectors as connectors
from quality import selectors, services
from quality.contracts import BadRule, Definition, RuleView, Trial

_BACK = timedelta(days=30)


@page("see")
def cleaning(request: PageRequest) -> HttpResponse:
    """The rules in the order in which they hold."""
    return render(
        request, "data/cleaning.html", tabs=data_tabs("web:cleaning"), kinds=selectors.kinds().values(),
        rules=selectors.rules(now=request.now, sources=connectors.source_names()),
    )  # fmt: skip


@page("edit_connections", post="edit_connections")
def new_cleaning_rule(request: PageRequest) -> HttpResponse:
    """A rule of a kind: tried on recent events, or kept as a draft."""
    kind = request.GET.get("kind", "")
    if kind not in selectors.kinds():
        return go(request, reverse("web:cleaning"))
    form = RuleForm(request.POST or None, kind=kind, sources=connectors.source_names())
    told, trial = _asked(request, form, None)
    if told is not None and request.POST.get("do") == "keep":
        try:
            rule_id = services.create_rule(told=told, by=actor(request), now=request.now)
            toast(request, "Kept as a draft. Switch it on when it does what it should.")
            return go(request, reverse("web:cleaning_rule", args=[rule_id]))
        except BadRule as wrong:
            form.refuse(wrong.field, str(wrong))
    return render(
        request, "data/cleaning_new.html", form=form, trial=trial, kind=selectors.kinds()[kind],
        status=422 if form.errors else 200,
    )  # fmt: skip


@page("see", post="edit_connections")
def cleaning_rule(request: PageRequest, rule_id: int) -> HttpResponse:
    """One rule: what it says and did, its versions; changed, tried, switched, moved or deleted."""
    names = connectors.source_names()
    found = selectors.rule(rule_id, now=request.now, sources=names)
    if found is None:
        return not_found(request, "cleaning rule", reverse("web:cleaning"))
    posted = request.POST if request.POST.get("do") in ("keep", "try") else None
    form = RuleForm(posted, initial=initial(found.definition), kind=found.definition.kind, sources=names)
    told, trial = _asked(request, form, rule_id)
    if request.method == "POST" and request.POST.get("do") != "try" and not form.errors:
        try:
            _steer(request, found, told)
            gone = request.POST.get("do") == "delete"
            return go(request, reverse("web:cleaning") if gone else reverse("web:cleaning_rule", args=[rule_id]))
        except BadRule as wrong:
            if posted is None:
                toast(request, str(wrong), bad=True)
                return go(request, reverse("web:cleaning_rule", args=[rule_id]))
            form.refuse(wrong.field, str(wrong))
    return render(
        request, "data/cleaning_rule.html", rule=found, form=form, trial=trial, names=names,
        effects=selectors.effects(since=(request.now - _BACK).date(), rule_id=rule_id, limit=100),
        versions=selectors.rule_versions(rule_id, sources=names), status=422 if form.errors else 200,
    )  # fmt: skip


def _asked(request: PageRequest, form: RuleForm, rule_id: int | None) -> tuple[Definition | None, Trial | None]:
    """What the form says, and what it would have done when somebody asked to try it."""
    if not form.is_bound or not form.is_valid():
        return None, None
    told = form.definition()
    if request.POST.get("do") != "try":
        return told, None
    try:
        return told, selectors.try_rule(told=told, now=request.now, rule_id=rule_id)
    except BadRule as wrong:
        form.refuse(wrong.field, str(wrong))
        return None, None


def _steer(request: PageRequest, found: RuleView, told: Definition | None) -> None:
    """Do what the button says. Raises BadRule."""
    do = request.POST.get("do", "")
    who: dict[str, Any] = {"rule_id": found.id, "by": actor(request), "now": request.now}
    if do == "keep" and told is not None:
        toast(request, f"Version {services.change_rule(told=told, **who)}. It holds from the next batch on.")
    elif do in ("on", "off"):
        services.switch_rule(on=do == "on", **who)
        toast(request, f"{found.definition.name} is {do}.")
    elif do in ("up", "down"):
        services.move_rule(to=found.position + (1 if do == "down" else -1), **who)
    elif do == "delete":
        services.delete_rule(**who)
        toast(request, f"{found.definition.name} is deleted.")
    elif do == "put_back":
        version = request.POST.get("version", "")
        made = services.put_back(version=int(version) if version.isdecimal() else 0, **who)
        toast(request, f"Version {version} is in force again, as version {made}.")
    else:
        raise BadRule("Choose what to do.")


@page("see", post="edit_connections")
def references(request: PageRequest) -> HttpResponse:
    """Lists that values are held against, and exchange rates."""
    do: Any = request.POST.get("do")
    rates_form = RatesForm(*((request.POST, request.FILES) if do == "rates" else ()))
    slug = request.GET.get("list", "")
    known = next((one for one in selectors.reference_lists() if one.slug == slug), None)
    values = {"slug": slug, "name": known.name, "values": "\n".join(selectors.list_values(slug))} if known else {}
    list_form = ReferenceListForm(request.POST if do == "list" else None, initial=values)
    form: Any = rates_form if do == "rates" else list_form
    if form.is_bound and form.is_valid():
        try:
            _keep(request, form, do)
            return go(request, reverse("web:references"))
        except BadRule as wrong:
            form.add_error(wrong.field if wrong.field in form.fields else None, str(wrong))
    return render(
        request, "data/references.html", lists=selectors.reference_lists(), rates=selectors.rates(),
        rates_form=rates_form, list_form=list_form, tabs=data_tabs("web:references"),
        status=422 if form.is_bound else 200,
    )  # fmt: skip


def _keep(request: PageRequest, form: Any, do: str) -> None:
    who: dict[str, Any] = {"by": actor(request), "now": request.now}
    if do == "rates":
        file = form.cleaned_data["file"]
        toast(request, f"{services.keep_rates(content=file.read(), name=file.name, **who)} rates taken in.")
    else:
        services.keep_list(**{**form.cleaned_data, "values": form.cleaned_data["values"].splitlines()}, **who)
        toast(request, "Kept. It holds from the next batch on.")
