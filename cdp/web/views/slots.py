"""Slots: what is shown to whom, tried out as any person."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from campaigns import selectors, services
from campaigns.contracts import Asked, InvalidSlot, SlotView, Unavailable
from cdp.web.access import action, page
from cdp.web.navigation import personalise_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.slot_forms import ContentForm, SlotForm, SlotRuleForm, lines
from cdp.web.views.stewardship import given, named_profile
from connectors import selectors as connectors
from segments import selectors as segments


@page("see")
def slots(request: PageRequest) -> HttpResponse:
    """All of them."""
    return render(request, "slots/list.html", slots=selectors.slots(), tabs=personalise_tabs("web:slots"))


@page("edit_campaigns", post="edit_campaigns")
def new_slot(request: PageRequest) -> HttpResponse:
    """A slot that shows its default content to everybody until it has rules."""
    form = SlotForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        made = _tried(form, lambda: services.create_slot(
            name=told["name"], description=told["description"], document=form.part(), by=actor(request),
            now=request.now,
        ))  # fmt: skip
        if made is not None:
            toast(request, "It shows its default content. Give it contents, and rules for whom they are.")
            return go(request, reverse("web:slot", args=[made.id]))
    return render(request, "slots/new.html", form=form, status=422 if form.errors else 200)


@page("see", post="edit_campaigns")
def slot(request: PageRequest, slot_id: int) -> HttpResponse:
    """Its rules in their order, its contents, its versions; everything is changed here."""
    found = selectors.slot(slot_id)
    if found is None:
        return not_found(request, "slot", reverse("web:slots"))
    do = request.POST.get("do", "")
    forms: dict[str, Any] = {
        "settings": SlotForm(request.POST if do == "settings" else None, initial=SlotForm.of(found)),
        "content": ContentForm(request.POST if do == "content" else None),
        "rule": SlotRuleForm(request.POST if do == "rule" else None, document=found.document),
    }
    form = forms.get(do)
    if form is not None and form.is_valid() and _kept(request, found, do, form):
        toast(request, "Kept. It is shown everywhere within two seconds.")
        return go(request, reverse("web:slot", args=[found.id]))
    return render(
        request, "slots/one.html", slot=found, forms=forms, host=f"{request.scheme}://{request.get_host()}",
        rules=[(one, _condition(one.when), one.show) for one in found.document.rules],
        contents=[(one, _lines(found, one.fields)) for one in found.document.contents],
        default=_lines(found, found.document.default),
        versions=selectors.slot_versions(found.id, limit=20), opened=do if form is not None and form.errors else "",
        sources=[one for one in connectors.sources() if one.id in found.document.sources],
        status=422 if form is not None and form.errors else 200,
    )  # fmt: skip


@action("edit_campaigns")
def steer_slot(request: PageRequest, slot_id: int) -> HttpResponse:
    """Move or take out a rule, take out a content, bring a version back, delete."""
    found = selectors.slot(slot_id)
    if found is None:
        return not_found(request, "slot", reverse("web:slots"))
    by, now = actor(request), request.now
    try:
        match request.POST.get("do"):
            case "delete":
                services.delete_slot(found.id, by=by, now=now)
                toast(request, f"{found.name} is deleted. Pages keep what stands in them.")
                return go(request, reverse("web:slots"))
            case "restore":
                services.restore_slot(found.id, int(request.POST.get("version", "")), by=by, now=now)
            case what:
                document = _moved(services.as_json(found.document), str(what), request.POST.get("at", ""))
                services.change_slot(found.id, document=document, version=found.version, by=by, now=now)
    except (InvalidSlot, ValueError, IndexError, StopIteration) as wrong:
        toast(request, str(wrong) or "That is not there any more.", bad=True)
    else:
        toast(request, "Kept. It is shown everywhere within two seconds.")
    return go(request, reverse("web:slot", args=[found.id]))


@page("see")
def preview_slot(request: PageRequest, slot_id: int) -> HttpResponse:
    """What a person would see, and why. Nothing is put into the log."""
    found = selectors.slot(slot_id)
    if found is None:
        return not_found(request, "slot", reverse("web:slots"))
    text = given(request, "who")
    person = named_profile(request, "who") if text else None
    answer = None
    try:
        if person is not None:
            asked = Asked((found.slug,), profile_id=person.id, context=dict(request.GET.items()), expose=False)
            answer = next(iter(services.personalise(asked, now=request.now)), None)
    except Unavailable as why:
        toast(request, str(why), bad=True)
    return render(
        request, "slots/preview.html", slot=found, who=text, person=person, answer=answer,
        content=_lines(found, answer.content) if answer is not None else "",
    )  # fmt: skip


def _kept(request: PageRequest, found: SlotView, do: str, form: Any) -> bool:
    document = services.as_json(found.document)
    told = form.cleaned_data
    more: dict[str, Any] = {}
    if do == "settings":
        document |= form.part()
        more = {"name": told["name"], "description": told["description"]}
    elif do == "content":
        wanted = form.asked()
        document["contents"] = [one for one in document["contents"] if one["key"] != wanted["key"]] + [wanted]
    else:
        document["rules"] = [*document["rules"], form.asked()]
    changed = _tried(form, lambda: services.change_slot(
        found.id, document=document, by=actor(request), now=request.now, version=found.version, **more
    ))  # fmt: skip
    return changed is not None


def _tried(form: Any, work: Callable[[], SlotView]) -> SlotView | None:
    try:
        return work()
    except InvalidSlot as wrong:
        for where, what in wrong.problems.items():
            name = where.rsplit("/", 1)[-1]
            name = "fields_" if name == "fields" else name
            form.add_error(name if name in form.fields else None, what)
        return None


def _moved(document: dict[str, Any], what: str, at: str) -> dict[str, Any]:
    """The document without a content or a rule, or with a rule one place earlier."""
    if what == "drop_content":
        document["contents"] = [one for one in document["contents"] if one["key"] != at]
        return document
    place, rules = int(at), list(document["rules"])
    if not 0 <= place < len(rules):
        raise ValueError("That rule is not there any more.")
    rule = rules.pop(place)
    if what == "up":
        rules.insert(max(0, place - 1), rule)
    elif what != "drop_rule":
        raise ValueError("Choose what to do.")
    document["rules"] = rules
    return document


def _lines(slot: SlotView, content: Mapping[str, Any]) -> str:
    """A content as lines, in the order of the slot's fields."""
    return lines({name: content[name] for name in slot.document.fields if name in content})


def _condition(when: Any) -> str:
    if when is None:
        return "everybody"
    if when.segment:
        return f"members of {when.segment}"
    if when.rule is not None:
        return segments.describe(segments.parse_rule(when.rule))
    edges = [f"at least {when.at_least:g}"] if when.at_least is not None else []
    edges += [f"below {when.below:g}"] if when.below is not None else []
    return f"{when.score} {' and '.join(edges)}"
