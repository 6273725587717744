"""The webhook of a source: its address, how calls are checked, and what they become, tried on a sample."""

import json
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import page
from cdp.web.forms import WebhookForm
from cdp.web.pages import PageRequest, actor, go, render, toast
from cdp.web.views.sources import open_source
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import WEBHOOK_PRESETS, BadWebhookMapping, TriedItem, UnreadableCall, WebhookView

_FIRST: dict[str, Any] = {
    "rules": [{"event": "'Something Happened'", "ids": {"email": "email"}, "time": "created_at", "id": "id"}]
}


@page("see", post="edit_connections")
def source_webhook(request: PageRequest, source_id: int) -> HttpResponse:
    """Setup with presets, and a sample that shows what a call becomes before anything is kept."""
    context = open_source(request, source_id, "web:source_webhook")
    if isinstance(context, HttpResponse):
        return context
    found = connectors.webhook(source_id)
    form = WebhookForm(request.POST or None, initial=_initial(found, request.GET.get("preset", "")))
    tried: list[TriedItem] = []
    if request.method == "POST" and form.is_valid():
        mapping, secret = form.cleaned_data["mapping"], form.cleaned_data["secret"]
        try:
            if request.POST.get("do") == "try":
                tried = connector_services.try_mapping(mapping, form.cleaned_data["sample"])
            else:
                connector_services.keep_webhook(
                    source_id=source_id, mapping=mapping, signature=form.signature(), secret=secret,
                    by=actor(request), now=request.now,
                )  # fmt: skip
                toast(request, "Kept. Enter the address at the sender.")
                return go(request, reverse("web:source_webhook", args=[source_id]))
        except BadWebhookMapping as wrong:
            for problem in wrong.problems:
                field = problem.partition(":")[0]
                form.add_error(field if field in form.fields else "mapping", problem)
        except UnreadableCall as wrong:
            form.add_error("sample", str(wrong))
    address = reverse("webhook", args=[context["source"].write_key])
    shown = [(json.dumps(one.item, indent=2, ensure_ascii=False) if one.item else "", one.problem) for one in tried]
    return render(
        request, "sources/webhook.html", **context, form=form, hook=found, status=422 if form.errors else 200,
        tried=shown[:20], more=max(0, len(shown) - 20), presets=WEBHOOK_PRESETS,
        hook_address=f"{request.scheme}://{request.get_host()}{address}",
    )  # fmt: skip


def _initial(found: WebhookView | None, preset: str) -> dict[str, Any]:
    chosen = WEBHOOK_PRESETS.get(preset)
    if chosen:
        signature, mapping = chosen["signature"], chosen["mapping"]
    elif found:
        signature, mapping = found.signature, found.mapping
    else:
        signature, mapping = {"scheme": "standard"}, _FIRST
    return {
        **signature,
        "before": signature.get("prefix", ""),
        "mapping": dict(mapping),
    }
