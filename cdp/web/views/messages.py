"""Templates: the list, the editor with versions, previews and test sends."""

from collections.abc import Mapping
from typing import Any

from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse

from campaigns import selectors, services
from campaigns.contracts import CannotRender, InvalidTemplate, SendingNotPossible, TemplateView, VersionView
from cdp.api import references
from cdp.nudge import SEND_MESSAGES, wake
from cdp.web.access import action, page
from cdp.web.message_forms import (
    CHANNEL_CHOICES,
    CHANNEL_NAMES,
    NewTemplateForm,
    TryForm,
    VersionForm,
    WordsForm,
    contents_of,
    words_of,
)
from cdp.web.navigation import message_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, record, render, toast
from common.masking import is_personal, mask
from identity import selectors as identity

_FIRST = {
    "email": {"subject": "Hello {{ profile.first_name | default: 'there' }}", "body": (
        "<mjml>\n  <mj-body>\n    <mj-section>\n      <mj-column>\n        <mj-text>Hello {{ profile.first_name |"
        " default: 'there' }}!</mj-text>\n"
        "        <mj-text><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></mj-text>\n"
        "      </mj-column>\n    </mj-section>\n  </mj-body>\n</mjml>\n"
    )},
    "webhook": {"body": '{\n  "name": "{{ profile.first_name }}"\n}\n'},
}  # fmt: skip
_FIRST_WORDS = {"title": "Hello", "body": "Hello {{ profile.first_name | default: 'there' }}"}


@page("see")
def templates(request: PageRequest) -> HttpResponse:
    """What can be said."""
    archived = request.GET.get("archived") == "1"
    return render(
        request, "messages/templates.html", templates=selectors.templates(archived=archived), archived=archived,
        names=CHANNEL_NAMES, tabs=message_tabs("web:templates"),
    )  # fmt: skip


@page("edit_campaigns", post="edit_campaigns")
def new_template(request: PageRequest) -> HttpResponse:
    """A template with first words to go on from."""
    form = NewTemplateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        channel = given["channel"]
        try:
            made = services.create_template(
                name=given["name"], message_class=given["message_class"], group=given["group"], by=actor(request),
                now=request.now, language=given["language"],
                contents={channel: {given["language"]: _first_words(channel)}},
            )  # fmt: skip
        except InvalidTemplate as wrong:
            _tell_form(form, wrong.problems)
        else:
            return go(request, reverse("web:template", args=[made.id]))
    return render(request, "messages/new_template.html", form=form, status=422 if form.errors else 200)


def _first_words(channel: str) -> dict[str, str]:
    form = WordsForm(channel, "en")
    return _FIRST.get(channel) or {name: text for name, text in _FIRST_WORDS.items() if name in form.fields}


def _tell_form(form: Form, problems: Mapping[str, str]) -> None:
    for where, what in problems.items():
        name = where.split("/")[1]
        form.add_error(name if name in form.fields else None, what)


@page("see", post="edit_campaigns")
def template(request: PageRequest, template_id: int) -> HttpResponse:
    """The editor: the words of a version by channel and language. Keeping them makes the next version."""
    found = selectors.template(template_id)
    if found is None:
        return not_found(request, "template", reverse("web:templates"))
    version = _version(request, found)
    added = _added(request)
    words = words_of(version, request.POST or None, added)
    form = VersionForm(
        request.POST or None, initial={"language": version.language, "defaults": version.defaults or None}
    )
    problems: Mapping[str, str] = {}
    if request.method == "POST" and form.is_valid():
        try:
            made = services.add_version(
                found.id, contents=contents_of(words), language=form.cleaned_data["language"],
                defaults=form.cleaned_data["defaults"] or {}, note=form.cleaned_data["note"], by=actor(request),
                now=request.now,
            )  # fmt: skip
        except InvalidTemplate as wrong:
            problems = wrong.problems
        else:
            toast(request, f"Version {made.number} is kept. Publish it when it is ready.")
            return go(request, reverse("web:template", args=[found.id]))
    return render(
        request, "messages/template.html", letter=found, version=version, form=form, words=words, problems=problems,
        versions=selectors.template_versions(found.id), names=CHANNEL_NAMES, channels=CHANNEL_CHOICES,
        trying=TryForm(initial={"channel": found.channels[0] if found.channels else "email"}),
        status=422 if problems or form.errors else 200,
    )  # fmt: skip


def _version(request: PageRequest, found: TemplateView) -> VersionView:
    text = request.GET.get("version", "")
    asked = int(text) if text.isdecimal() and len(text) < 9 else found.newest
    version = selectors.template_version(found.id, asked) or selectors.template_version(found.id, found.newest)
    if version is None:
        raise LookupError("a template has a version from the beginning")
    return version


def _added(request: PageRequest) -> tuple[str, str] | None:
    """The channel and language that somebody wants to write for, too."""
    given = request.POST if request.method == "POST" else request.GET
    channel, language = given.get("add_channel", ""), given.get("add_language", "").strip()[:16]
    return (channel, language) if channel in CHANNEL_NAMES and language.replace("-", "").isalnum() else None


@action("edit_campaigns")
def steer_template(request: PageRequest, template_id: int) -> HttpResponse:
    """Publish a version, or archive."""
    found = selectors.template(template_id)
    if found is None:
        return not_found(request, "template", reverse("web:templates"))
    try:
        if request.POST.get("do") == "archive":
            services.archive_template(found.id, by=actor(request), now=request.now)
            toast(request, "It is archived. Publish a version to take it back.")
        else:
            number = request.POST.get("version", "")
            services.publish_template(
                found.id, int(number) if number.isdecimal() and len(number) < 9 else 0, by=actor(request),
                now=request.now,
            )  # fmt: skip
            toast(request, f"Version {number} is sent from now on. What is queued keeps its own.")
    except InvalidTemplate as wrong:
        toast(request, str(wrong), bad=True)
    return go(request, reverse("web:template", args=[found.id]))


@page("see", post="edit_campaigns")
def try_template(request: PageRequest, template_id: int) -> HttpResponse:
    """What a person would get; POST sends it as a test."""
    found = selectors.template(template_id)
    if found is None:
        return not_found(request, "template", reverse("web:templates"))
    form = TryForm(request.POST if request.method == "POST" else request.GET if "profile" in request.GET else None)
    rendered, problem = None, ""
    if form.is_bound and form.is_valid():
        profile_id = references.profile_id(form.cleaned_data["profile"].strip())
        view = identity.profile_view(profile_id) if profile_id is not None else None
        if view is None:
            form.add_error("profile", "There is no such person.")
        elif request.method == "POST":
            return _send_test(request, found, view.id, form)
        else:
            rendered, problem = _rendered(request, found, view.traits, form)
    return render(
        request, "messages/try.html", letter=found, form=form, rendered=rendered, problem=problem,
        names=CHANNEL_NAMES, status=422 if form.errors else 200,
    )  # fmt: skip


def _rendered(
    request: PageRequest, found: TemplateView, traits: Mapping[str, Any], form: TryForm
) -> tuple[Any, str]:  # fmt: skip
    version = _version(request, found)
    shown = traits if request.sight.is_open else {
        key: mask(key, value) if is_personal(key) else value for key, value in traits.items()
    }  # fmt: skip
    try:
        return services.preview(
            version.contents, form.cleaned_data["channel"], language=version.language, traits=shown,
            variables=form.cleaned_data["variables"] or {}, defaults=version.defaults,
        ), ""  # fmt: skip
    except (CannotRender, InvalidTemplate) as wrong:
        return None, str(wrong)


def _send_test(request: PageRequest, found: TemplateView, profile_id: int, form: TryForm) -> HttpResponse:
    channel = form.cleaned_data["channel"]
    try:
        outcome = services.send_test(
            template_id=found.id, channel=channel, profile_id=profile_id,
            variables=form.cleaned_data["variables"] or {}, by=actor(request), now=request.now,
        )  # fmt: skip
    except SendingNotPossible as wrong:
        toast(request, str(wrong), bad=True)
        return go(request, reverse("web:template", args=[found.id]))
    wake(SEND_MESSAGES)
    record(request, "template.test", "template", found.id, f"Sent a test of {found.name} to profile {profile_id}")
    toast(request, f"Message {outcome.send_id} is {outcome.state}.", bad=outcome.state == "skipped")
    return go(request, reverse("web:sent_message", args=[outcome.send_id]))
