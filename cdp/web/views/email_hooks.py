"""The e-mail provider of a source: which one, its key, and the address that it calls."""

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import page
from cdp.web.forms import EmailHookForm
from cdp.web.pages import PageRequest, actor, go, render, toast
from cdp.web.views.sources import open_source
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import EMAIL_PROVIDERS, InvalidSettings


@page("see", post="edit_connections")
def source_email(request: PageRequest, source_id: int) -> HttpResponse:
    """Setup, and how the last call went."""
    context = open_source(request, source_id, "web:source_email")
    if isinstance(context, HttpResponse):
        return context
    found = connectors.email_hook(source_id)
    form = EmailHookForm(
        request.POST or None, providers=[(slug, one.label) for slug, one in EMAIL_PROVIDERS.items()],
        initial={"provider": found.provider if found else ""},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            connector_services.keep_email_hook(
                source_id=source_id, provider=form.cleaned_data["provider"], secret=form.cleaned_data["secret"],
                by=actor(request), now=request.now,
            )  # fmt: skip
            toast(request, "Kept. Enter the address at the provider.")
            return go(request, reverse("web:source_email", args=[source_id]))
        except InvalidSettings as wrong:
            form.add_error("secret", " ".join(one.partition(": ")[2] or one for one in wrong.problems))
    address = reverse("email_hook", args=[context["source"].write_key])
    return render(
        request, "sources/email.html", **context, form=form, hook=found, status=422 if form.errors else 200,
        hook_address=f"{request.scheme}://{request.get_host()}{address}",
        signing=[one for one in EMAIL_PROVIDERS.values() if one.key],
    )  # fmt: skip
