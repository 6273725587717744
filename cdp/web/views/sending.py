"""What was sent and why not, and what holds for all messages: channels, caps, quiet hours, groups."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from campaigns import selectors, services
from campaigns.contracts import CHANNELS, REASONS, CampaignView, SendingNotPossible, SendView
from cdp.nudge import SEND_MESSAGES, wake
from cdp.web.access import action, page
from cdp.web.caps_form import CapsForm
from cdp.web.message_forms import CHANNEL_CHOICES, CHANNEL_NAMES, PER_SECOND, ChannelForm, GroupForm, PolicyForm
from cdp.web.navigation import message_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.paging import Page, after_id, page_of
from cdp.web.people import by_ids
from cdp.web.views.messages import _tell_form
from cdp.web.views.profiles import open_profile
from identity import selectors as identity

_STATES = ("queued", "claimed", "handing", "sent", "unknown", "failed", "skipped", "cancelled")


@page("see")
def sent_messages(request: PageRequest) -> HttpResponse:
    """The ledger: what was sent, what waits, what was not sent and why; dead letters by their state."""
    asked = {
        "state": request.GET.get("state", "") if request.GET.get("state") in _STATES else "",
        "channel": request.GET.get("channel", "") if request.GET.get("channel") in CHANNELS else "",
        "reason": request.GET.get("reason", "") if request.GET.get("reason") in REASONS else "",
    }
    start = after_id(request)
    rows = selectors.sends(asked, before=start, limit=Page.SIZE + 1)
    return render(
        request, "messages/sent.html", page=page_of(rows, key=lambda one: one.id, started=bool(start)), asked=asked,
        counts=selectors.send_counts(), states=_STATES, reasons=REASONS, channels=CHANNEL_CHOICES, names=CHANNEL_NAMES,
        template_names=selectors.template_names({one.template_id for one in rows}), campaigns=_campaigns(rows),
        tabs=message_tabs("web:sent_messages"),
    )  # fmt: skip


@page("see")
def sent_message(request: PageRequest, send_id: int) -> HttpResponse:
    """One row, and what can be done with it."""
    found = selectors.send(send_id)
    if found is None:
        return not_found(request, "message", reverse("web:sent_messages"))
    profile_id = identity.current_ids([found.identifier_id]).get(found.identifier_id)
    return render(
        request, "messages/one_sent.html", message=found, reason=REASONS.get(found.reason, ""), profile_id=profile_id,
        names=CHANNEL_NAMES, template_name=selectors.template_names([found.template_id]).get(found.template_id, ""),
        campaigns=_campaigns([found]), person=by_ids([profile_id]).get(profile_id) if profile_id else None,
    )  # fmt: skip


def _campaigns(rows: Iterable[SendView]) -> dict[str, CampaignView]:
    """The campaigns that asked for messages, by what the ledger knows them by."""
    asked = {one.key.origin for one in rows}
    return {origin: one for one in selectors.campaigns() if (origin := f"campaign:{one.id}") in asked} if asked else {}


@action("edit_campaigns")
def steer_message(request: PageRequest, send_id: int) -> HttpResponse:
    """Cancel what waits, try again what failed, or let the address be used again."""
    by, now = actor(request), request.now
    try:
        match request.POST.get("do"):
            case "cancel":
                services.cancel_send(send_id, by=by, now=now)
                toast(request, "It is cancelled.")
            case "allow":
                done = services.allow_contact(send_id, by=by, now=now)
                toast(request, "The address may be used again." if done else "The address was not given up.")
            case _:
                services.retry_send(send_id, by=by, now=now)
                wake(SEND_MESSAGES)
                toast(request, "It is tried again.")
    except SendingNotPossible as why:
        toast(request, str(why), bad=True)
    return go(request, reverse("web:sent_message", args=[send_id]))


@page("see", post="edit_campaigns")
def sending(request: PageRequest) -> HttpResponse:
    """Channels with whether they go, caps, quiet hours, holdout, and groups."""
    current = selectors.sending_policy(now=request.now)
    posted = request.POST if request.POST.get("form") == "policy" else None
    policy, caps = PolicyForm(posted, initial=PolicyForm.shown(current)), CapsForm(current, posted)
    group = GroupForm(request.POST if request.POST.get("form") == "group" else None)
    if request.method == "POST" and (done := _kept(request, policy, caps, group)):
        toast(request, done)
        return go(request, reverse("web:sending"))
    known = {one.channel: one for one in selectors.channel_views()}
    return render(
        request, "messages/sending.html", policy=policy, caps=caps, group=group, groups=selectors.groups(),
        names=CHANNEL_NAMES,
        channels=[(one, known.get(one)) for one in CHANNELS if one != "inapp"],
        suppressed=selectors.suppressed_contacts(), tabs=message_tabs("web:sending"),
        status=422 if policy.errors or caps.errors or group.errors else 200,
    )  # fmt: skip


def _kept(request: PageRequest, policy: PolicyForm, caps: CapsForm, group: GroupForm) -> str:
    try:
        if policy.is_bound and policy.is_valid() and caps.is_valid():
            services.change_policy({**policy.asked(), "caps": caps.asked()}, by=actor(request), now=request.now)
            return "It holds from now on, also for what is queued."
        if group.is_bound and group.is_valid():
            services.keep_group(**group.cleaned_data, by=actor(request), now=request.now)
            return "The group is kept."
    except services.InvalidPolicy as wrong:
        _tell_form(policy if policy.is_bound else group, wrong.problems)
    return ""


@page("edit_connections", post="edit_connections")
def sending_channel(request: PageRequest, channel: str) -> HttpResponse:
    """Set a channel up, by the provider that was chosen."""
    providers = selectors.providers_of(channel)
    if not providers:
        return not_found(request, "channel", reverse("web:sending"))
    current = next((one for one in selectors.channel_views() if one.channel == channel), None)
    wanted = request.POST.get("provider") or request.GET.get("provider") or (current.provider if current else "")
    provider = next((one for one in providers if one.slug == wanted), providers[0])
    same = current is not None and current.provider == provider.slug
    kept = _initial(provider.settings, current.settings if current and same else {})
    form = ChannelForm(
        provider.settings, current.secrets if current and same else (), request.POST or None,
        initial=kept | {PER_SECOND: current.per_second if current else None},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            services.keep_channel(
                channel, provider.slug, form.values(), by=actor(request), now=request.now,
                per_second=form.cleaned_data[PER_SECOND],
            )  # fmt: skip
        except services.InvalidPolicy as wrong:
            for where, what in wrong.problems.items():
                name = where.rsplit("/", 1)[-1]
                form.add_error(name if name in form.fields else None, what)
        else:
            wake(SEND_MESSAGES)
            toast(request, f"{CHANNEL_NAMES[channel]} is set up. Send yourself a test from a template.")
            return go(request, reverse("web:sending"))
    return render(
        request, "messages/channel.html", channel=channel, name=CHANNEL_NAMES[channel], form=form, provider=provider,
        providers=providers, current=current, public_key=selectors.vapid_public() if channel == "webpush" else "",
        status=422 if form.errors else 200,
    )  # fmt: skip


def _initial(asked: Any, kept: Any) -> dict[str, Any]:
    return {name: kept.get(name, one.default) for name, one in asked.items() if not one.secret}


@action("edit_connections")
def steer_channel(request: PageRequest, channel: str) -> HttpResponse:
    """Pause, or let it go on."""
    paused = request.POST.get("do") == "pause"
    try:
        services.switch_channel(channel, paused=paused, by=actor(request), now=request.now)
    except services.InvalidPolicy as wrong:
        toast(request, str(wrong), bad=True)
    else:
        wake(SEND_MESSAGES)
        toast(request, "It is paused; what is queued waits." if paused else "It goes on.")
    return go(request, reverse("web:sending"))


@page("see")
def profile_messages(request: PageRequest, profile_id: int) -> HttpResponse:
    """What a person was sent, and what was not sent with the reason."""
    context = open_profile(request, profile_id, "web:profile_messages")
    if isinstance(context, HttpResponse):
        return context
    start = after_id(request)
    ids = identity.identifier_ids(profile_id=profile_id)
    rows = selectors.sends_of(ids, before=start, limit=Page.SIZE + 1)
    return render(
        request, "profiles/messages.html", **context, page=page_of(rows, key=lambda one: one.id, started=bool(start)),
        reasons=REASONS, channel_names=CHANNEL_NAMES, campaigns=_campaigns(rows),
        template_names=selectors.template_names({one.template_id for one in rows}),
    )  # fmt: skip
