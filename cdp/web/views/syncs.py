"""Setting a sync up: which segment, which rows, and how the fields of the channel are filled."""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Wished:
    """What a form asks for: these members, by this identifier, mapped so."""

    destination: DestinationView
    action: ActionView
    mapping: dict[str, Any]
    segment_id: int
    identifier_kind: str
    consent: str = ""
    channel: str = ""


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
    answer: HttpResponse | Sample | None = None
    if posted is not None and form.is_valid() and (mapping := _given(action, fields)) is not None:
        kept = form.cleaned_data
        wished = Wished(
            found, action, mapping, int(kept["segment"]), kept["identifier_kind"], kept["consent"],
            kept["consent_channel"],
        )  # fmt: skip
        answer = _answer(request, wished, form, lambda: _create(request, wished, kept["name"], mapped=fields.is_bound))
    if isinstance(answer, HttpResponse):
        return answer
    if _live(request):
        return _seen(request, answer, form, fields)
    return render(
        request, "destinations/new_sync.html", status=_status(posted, answer), form=form, fields=fields,
        destination=found, kind=kind, action=action, sample=answer, paths=paths(),
    )  # fmt: skip


def _create(request: PageRequest, wished: Wished, name: str, *, mapped: bool) -> HttpResponse:
    made = connector_services.create_sync(
        segment_id=wished.segment_id, destination_id=wished.destination.id, action=wished.action.slug, name=name,
        mapping=wished.mapping if mapped else None, identifier_kind=wished.identifier_kind,
        consent=wished.consent, consent_channel=wished.channel, by=actor(request),
        now=request.now,
    )  # fmt: skip
    toast(request, "The sync is on. Its first run sends all members.")
    return go(request, reverse("web:sync", args=[made.id]))


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
    answer: HttpResponse | Sample | None = None
    if posted is not None and (mapping := _given(action, fields)) is not None:
        wished = Wished(
            found, action, mapping, sync.segment_id, sync.identifier_kind, sync.consent, sync.consent_channel
        )  # fmt: skip
        answer = _answer(request, wished, fields, lambda: _remap(request, wished, sync_id))
    if isinstance(answer, HttpResponse):
        return answer
    if _live(request):
        return _seen(request, answer, fields)
    return render(
        request, "destinations/mapping.html", status=_status(posted, answer), sync=sync, fields=fields, action=action,
        sample=answer, paths=paths(), tabs=sync_tabs(request, sync_id),
    )  # fmt: skip


def _remap(request: PageRequest, wished: Wished, sync_id: int) -> HttpResponse:
    connector_services.change_mapping(sync_id=sync_id, mapping=wished.mapping, by=actor(request))
    toast(request, "Kept. The next run compares everybody and sends what differs.")
    return go(request, reverse("web:sync", args=[sync_id]))


def _answer(
    request: PageRequest, wished: Wished, form: CalmForm, keep: Callable[[], HttpResponse]
) -> HttpResponse | Sample | None:
    """Where to go after keeping it, or what a preview shows; None when the form now tells what is wrong."""
    try:
        return _sample(request, wished) if request.POST.get("do") == "preview" else keep()
    except InvalidSettings as wrong:
        form.add_error(None, " ".join(wrong.problems))
        return None


def _status(posted: object, answer: object) -> int:
    return 422 if posted is not None and answer is None else 200


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


def _sample(request: PageRequest, wished: Wished) -> Sample:
    sample = connectors.preview_payload(
        destination_id=wished.destination.id, action=wished.action.slug, mapping=wished.mapping,
        segment_id=wished.segment_id, identifier_kind=wished.identifier_kind, consent=wished.consent,
        consent_channel=wished.channel,
    )  # fmt: skip
    return sample if request.sight.is_open else connectors.conceal_sample(sample)


def paths() -> list[str]:
    """What a line of a mapping can take from a person, to choose from."""
    traits = [f"profile.traits.{name}" for name in suggestions.trait_names() if "." not in name]
    return [f"{{{{{one}}}}}" for one in (*_FACTS, *traits, *(f"profile.identifiers.{kind}.0" for kind in _KINDS))]
