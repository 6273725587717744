"""Who is told of alerts and reports: mail to oneself, signed calls, and how the last ones went."""

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import action, page
from cdp.web.navigation import data_tabs
from cdp.web.notice_forms import CallForm, NoticeForm, initial_of
from cdp.web.pages import PageRequest, actor, go, render, toast
from common import access
from connectors import selectors as connectors
from connectors import services as connector_services
from quality import selectors, services
from quality.contracts import BadRecipient, NoSuchDigest


@page("see", post="see")
def notices(request: PageRequest) -> HttpResponse:
    """One's own mail, everybody else who is told, and the last digests."""
    mine = next(iter(selectors.recipients(user_id=request.user.pk)), None)
    form = NoticeForm(request.POST or None, initial=initial_of(mine))
    if request.method == "POST" and form.is_valid():
        try:
            services.keep_mail(email=request.user.email, wish=form.wish(), by=actor(request), now=request.now)
            toast(request, f"Kept. Mail goes to {request.user.email}.")
            return go(request, reverse("web:notices"))
        except BadRecipient as wrong:
            form.add_problem(str(wrong))
    return _page(request, form, CallForm(initial=initial_of(None)))


@action("edit_connections")
def call_notices(request: PageRequest) -> HttpResponse:
    """Have an address called. Its secret is shown once, on the page that answers."""
    form, secret = CallForm(request.POST), ""
    if form.is_valid():
        made = connector_services.new_webhook_secret()
        try:
            services.keep_alert_webhook(
                name=form.cleaned_data["name"], url=form.cleaned_data["url"], wish=form.wish(), secret=made,
                by=actor(request), now=request.now,
            )  # fmt: skip
            form, secret = CallForm(initial=initial_of(None)), made
        except BadRecipient as wrong:
            form.add_problem(str(wrong))
    mine = next(iter(selectors.recipients(user_id=request.user.pk)), None)
    return _page(request, NoticeForm(initial=initial_of(mine)), form, secret=secret)


def _page(request: PageRequest, form: NoticeForm, call: CallForm, *, secret: str = "") -> HttpResponse:
    everybody = selectors.recipients()
    all_shown = access.can(request.user, "edit_connections")
    shown = [one for one in everybody if all_shown or one.user_id == request.user.pk]
    ids = {one.id for one in shown}
    return render(
        request, "data/notices.html", tabs=data_tabs("web:quality"), form=form, call=call, secret=secret,
        recipients=shown, mine=next((one for one in everybody if one.user_id == request.user.pk), None),
        digests=[one for one in selectors.digests(limit=100) if one.recipient_id in ids][:30],
        names=connectors.source_names(), kinds=selectors.ALERT_KINDS, mail_works=bool(settings.EMAIL_HOST),
        status=422 if form.errors or call.errors else 200,
    )  # fmt: skip


@action("see")
def drop_notices(request: PageRequest, recipient_id: int) -> HttpResponse:
    """Tell it nothing any more: one's own mail, or calls for whoever may edit connections."""
    found = next(iter(selectors.recipients(recipient_id=recipient_id)), None)
    own = found is not None and found.user_id == request.user.pk
    calls = found is not None and found.way == "webhook" and access.can(request.user, "edit_connections")
    if own or calls or access.can(request.user, "administer"):
        services.drop_recipient(recipient_id=recipient_id, by=actor(request), now=request.now)
        toast(request, "Taken off. Nothing more goes there.")
    else:
        toast(request, "Only that person or an admin takes this off.", bad=True)
    return go(request, reverse("web:notices"))


@action("edit_connections")
def send_again(request: PageRequest, digest_id: int) -> HttpResponse:
    """Try a digest anew that failed, or of which it is not known."""
    try:
        services.send_again(digest_id=digest_id, by=actor(request), now=request.now)
        toast(request, "It is sent again within a minute.")
    except NoSuchDigest as wrong:
        toast(request, str(wrong), bad=True)
    return go(request, reverse("web:notices"))
