"""Setting a sync up: which segment, which rows, and how the fields of the channel are filled."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.web import suggestions
from cdp.web.access import page
from cdp.web.forms import CalmForm, SyncForm
from cdp.web.mapping_form import MappingForm, mapping_form, mapping_given
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.views.destinations import kind_of
from cdp.web.views.sync_checks import sync_tabs
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import ActionView, DestinationView, InvalidSettings, Sample
from segments import selectors as segments

_FACTS = ("profile.id", "profile.created_at", "target.value", "target.kind", "segment.slug", "segment.name")
_KINDS = ("email", "phone", "user_id", "crm_id", "loyalty_id", "device_id", "push_token")


@page("edit_connections", post="edit_connections")
def new_sync(request: PageRequest, destination_id: int) -> HttpResponse:
    """Join a segment to this destination; the first run sends all members."""
    found = connectors.destination(destination_id)
    kind = kind_of(found.kind) if found else None
    if found is None or kind is None:
        return not_found(request, "destination", reverse("web:destinations"))
    action = _action(kind.actions, request.POST.get("action") or request.GET.get("action", ""))
    posted = request.POST if request.method == "POST" else None
    form = SyncForm(
        posted, segments=segments.segments(), actions=kind.actions,
        initial={
            "segment": request.GET.get("segment", ""), "action": action.slug,
            "identifier_kind": action.identifier_kind,
        },
    )  # fmt: skip
    fields = mapping_form(action, posted, action.default_mapping)
    sample, status = None, 200
    if posted is not None:
        status = 422
        mapping = _given(action, fields)
        if form.is_valid() and mapping is not None:
            kept, wanted = form.cleaned_data, mapping if fields.is_bound else None
            try:
                if request.POST.get("do") == "preview":
                    sample, status = (
                        _sample(request, found, action, mapping, int(kept["segment"]), kept["identifier_kind"]),
                        200,
                    )
                else:
                    made = connector_services.create_sync(
                        segment_id=int(kept["segment"]), destination_id=found.id, action=action.slug,
                        name=kept["name"], mapping=wanted, identifier_kind=kept["identifier_kind"],
                        by=actor(request), now=request.now,
                    )  # fmt: skip
                    toast(request, "The sync is on. Its first run sends all members.")
                    return go(request, reverse("web:sync", args=[made.id]))
            except InvalidSettings as wrong:
                form.add_error(None, " ".join(wrong.problems))
        if _live(request):
            return _seen(request, sample, form, fields)
    return render(
        request, "destinations/new_sync.html", status=status, form=form, fields=fields, destination=found, kind=kind,
        action=action, sample=sample, paths=paths(),
    )  # fmt: skip


@page("edit_connections", post="edit_connections")
def edit_mapping(request: PageRequest, sync_id: int) -> HttpResponse:
    """Map anew; the next run compares everybody and sends what differs."""
    sync = connectors.sync(sync_id)
    found = connectors.destination(sync.destination_id) if sync else None
    kind = kind_of(found.kind) if found else None
    if sync is None or found is None or kind is None:
        return not_found(request, "sync", reverse("web:destinations"))
    action = _action(kind.actions, sync.action)
    posted = request.POST if request.method == "POST" else None
    fields = mapping_form(action, posted, sync.mapping)
    sample, status = None, 200
    if posted is not None:
        mapping, status = _given(action, fields), 422
        if mapping is not None:
            try:
                if request.POST.get("do") == "preview":
                    sample, status = (
                        _sample(request, found, action, mapping, sync.segment_id, sync.identifier_kind),
                        200,
                    )
                else:
                    connector_services.change_mapping(sync_id=sync_id, mapping=mapping, by=actor(request))
                    toast(request, "Kept. The next run compares everybody and sends what differs.")
                    return go(request, reverse("web:sync", args=[sync_id]))
            except InvalidSettings as wrong:
                fields.add_error(None, " ".join(wrong.problems))
        if _live(request):
            return _seen(request, sample, fields)
    return render(
        request, "destinations/mapping.html", status=status, sync=sync, fields=fields, action=action, sample=sample,
        paths=paths(), tabs=sync_tabs(request, sync_id),
    )  # fmt: skip


def _live(request: PageRequest) -> bool:
    """Whether only the preview beside the form is asked for, while somebody writes."""
    return bool(request.htmx) and request.POST.get("do") == "preview"


def _seen(request: PageRequest, sample: Sample | None, *forms: CalmForm) -> HttpResponse:
    """The preview, or what keeps it from being shown: the first problem of the forms, with the name of its field."""
    wrong = [
        f"{form.fields[name].label}: {told[0]}" if name in form.fields else str(told[0])
        for form in forms
        for name, told in form.errors.items()
    ]
    return render(request, "destinations/sample.html", sample=sample, problem=next(iter(wrong), ""))


def _action(actions: tuple[ActionView, ...], slug: str) -> ActionView:
    return next((one for one in actions if one.slug == slug), actions[0])


def _given(action: ActionView, fields: MappingForm) -> dict[str, Any] | None:
    """The mapping that was filled in, the suggested one when the form had none, None when it cannot be read."""
    if not fields.is_bound:
        return dict(action.default_mapping)
    if not fields.is_valid():
        return None
    mapping = mapping_given(action, fields)
    return mapping if not fields.errors else None


def _sample(
    request: PageRequest, found: DestinationView, action: ActionView, mapping: dict[str, Any], segment_id: int,
    identifier_kind: str,
) -> Sample:  # fmt: skip
    sample = connectors.preview_payload(
        destination_id=found.id, action=action.slug, mapping=mapping, segment_id=segment_id,
        identifier_kind=identifier_kind,
    )  # fmt: skip
    return sample if request.sight.is_open else connectors.conceal_sample(sample)


def paths() -> list[str]:
    """What a line of a mapping can take from a person, to choose from."""
    traits = [f"profile.traits.{name}" for name in suggestions.trait_names() if "." not in name]
    return [f"{{{{{one}}}}}" for one in (*_FACTS, *traits, *(f"profile.identifiers.{kind}.0" for kind in _KINDS))]
