"""The database or CRM that a source is asked from: setup, test, what rows become, how far it is."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.nudge import READ_PULLS, wake
from cdp.web.access import page
from cdp.web.forms import WatchForm
from cdp.web.import_form import PLACES, READINGS, is_reshaping, item_forms, mapping_given
from cdp.web.pages import PageRequest, actor, go, render, toast
from cdp.web.settings_form import secrets_given, settings_form, settings_given
from cdp.web.views.sources import open_source
from common import masking
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import PULL_KINDS, BadMapping, InvalidSettings, Preview, PullNotPossible, PullTested


@page("see", post="edit_connections")
def source_pull(request: PageRequest, source_id: int) -> HttpResponse:
    """How far it is, and a form."""
    context = open_source(request, source_id, "web:source_pull")
    if isinstance(context, HttpResponse):
        return context
    found, here = connectors.pull(source_id), reverse("web:source_pull", args=[source_id])
    posted = request.POST if request.method == "POST" else None
    if posted is not None and found is not None and posted.get("do") in _STEER:
        return _steer(request, source_id, str(posted["do"]))
    asked = request.GET.get("kind") or (found.kind if found else "postgres")
    kind = asked if asked in PULL_KINDS else "postgres"
    known, same = PULL_KINDS[kind], found is not None and found.kind == kind
    form = settings_form(known, posted, initial=found.settings if found and same else None, named=False)
    for name in found.secrets_set if found and same else ():
        form.fields[f"s-{name}"].required = False
    often = WatchForm(posted, initial={"every_minutes": found.every_minutes if found else 60})
    tested: PullTested | None = None
    if posted is not None and form.is_valid() and often.is_valid():
        given: dict[str, Any] = {
            "source_id": source_id, "kind": kind, "settings": settings_given(known, form.cleaned_data),
            "secrets": secrets_given(known, form.cleaned_data), "now": request.now,
        }  # fmt: skip
        try:
            if posted.get("do") == "test":
                tested = connector_services.test_pull(**given)
            else:
                kept = connector_services.keep_pull(
                    **given, every_minutes=often.cleaned_data["every_minutes"], by=actor(request)
                )
                toast(request, "Kept." if kept.mapping else "Kept. Now say what its rows become.")
                return go(request, here if kept.mapping else reverse("web:source_pull_mapping", args=[source_id]))
        except InvalidSettings as wrong:
            for problem in wrong.problems:
                form.add_problem(problem)
    template = "sources/pull_body.html" if request.htmx else "sources/pull.html"
    return render(
        request, template, **context, pull=found, form=form, often=often, known=known, kind=kind, same=same,
        tested=tested, kinds=[(slug, one.label) for slug, one in PULL_KINDS.items()],
        status=422 if form.errors or often.errors else 200,
    )  # fmt: skip


_STEER = {
    "pause": "Paused; what is being stored is finished.", "resume": "It goes on where it stood.",
    "run": "Rows are asked for within seconds.",
    "accept": "The rows that are gone are told of.", "reset": "Everything is read again from the beginning.",
}  # fmt: skip


def _steer(request: PageRequest, source_id: int, wanted: str) -> HttpResponse:
    given: dict[str, Any] = {"source_id": source_id, "by": actor(request), "now": request.now}
    try:
        if wanted in ("run", "accept"):
            connector_services.run_pull(**given, accept_gone=wanted == "accept")
        elif wanted == "reset":
            connector_services.reset_pull(**given)
        else:
            connector_services.switch_pull(**given, enabled=wanted == "resume")
        wake(READ_PULLS)
        toast(request, _STEER[wanted])
    except PullNotPossible as why:
        toast(request, str(why), bad=True)
    return go(request, reverse("web:source_pull", args=[source_id]))


@page("edit_connections", post="edit_connections")
def source_pull_mapping(request: PageRequest, source_id: int) -> HttpResponse:
    """What rows become, shown on the first rows there are before anything is kept."""
    context = open_source(request, source_id, "web:source_pull")
    if isinstance(context, HttpResponse):
        return context
    problems: list[str] = []

    def choose(header: Sequence[str]) -> Mapping[str, Any] | None:
        if request.method != "POST":
            return None
        mapping, wrong = mapping_given(request.POST.dict(), header)
        problems.extend(wrong)
        return mapping

    try:
        shown = connector_services.preview_pull(source_id=source_id, choose=choose, now=request.now)
    except PullNotPossible as why:
        return render(request, "sources/pull_mapping.html", **context, why_not=str(why), status=200)
    # A suggestion that lacks something is no mistake of whoever looks at it.
    problems += shown.problems if request.method == "POST" and not is_reshaping(request.POST) else []
    if request.method == "POST" and not problems and request.POST.get("do") == "keep":
        try:
            connector_services.keep_pull_mapping(
                source_id=source_id, mapping=shown.mapping, header=list(shown.header), by=actor(request),
                now=request.now,
            )  # fmt: skip
            wake(READ_PULLS)
            toast(request, "Kept. Rows come in within seconds.")
            return go(request, reverse("web:source_pull", args=[source_id]))
        except (BadMapping, PullNotPossible) as wrong:
            problems.append(str(wrong))
    return render(
        request, "sources/pull_mapping.html", **context, **_shown(request, shown), problems=problems,
        status=422 if problems else 200,
    )  # fmt: skip


def _shown(request: PageRequest, shown: Preview) -> dict[str, Any]:
    """Nobody knows yet which columns are personal: all are masked unless personal data is shown."""
    is_open = request.sight.is_open
    columns = range(len(shown.header))
    examples = [next((row.cells[at][:60] for row in shown.rows if row.cells[at]), "") for at in columns]
    examples = examples if is_open else [masking.mask("name", one) for one in examples]
    items = [
        ([json.dumps(item if is_open else masking.shape_of(item), indent=2, ensure_ascii=False) for item in one.items],
         one.problem)
        for one in shown.rows
    ]  # fmt: skip
    return {
        "header": shown.header, "readings": READINGS, "places": PLACES, "items": items[:5], "more_items": items[5:],
        "item_forms": item_forms(shown.header, examples, shown.mapping), "seen": len(shown.rows),
    }  # fmt: skip
