"""From a template's version and a person's data to what the person gets. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from campaigns.messages import mail
from campaigns.messages.contracts import FIELDS, CannotRender, Contents, Rendered
from campaigns.messages.liquid import render
from identity.contracts import CONSENT_PREFIX

_LANGUAGES = ("language", "locale")
_LINKS = ("unsubscribe_url", "preferences_url")


def language_of(wanted: str, known: Mapping[str, object], fallback: str) -> str:
    """The best of the known languages: the very one (`de-AT`), its language (`de`), the fallback, any."""
    asked = wanted.replace("_", "-").lower()
    by_name = {name.lower(): name for name in known}
    for name in (asked, asked.split("-")[0], fallback.lower()):
        if name and name in by_name:
            return by_name[name]
    return next(iter(known), fallback)


def wanted_language(traits: Mapping[str, Any]) -> str:
    """What a person's traits say: `language`, else `locale`."""
    return next((str(traits[name]) for name in _LANGUAGES if isinstance(traits.get(name), str)), "")


def data_of(traits: Mapping[str, Any], variables: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What a template can reach: `profile` (traits without consents), and variables over their defaults."""
    profile = {key: value for key, value in traits.items() if not key.startswith(CONSENT_PREFIX)}
    return {**defaults, **variables, "profile": profile}


def render_message(
    contents: Contents, channel: str, *, fallback: str, traits: Mapping[str, Any], variables: Mapping[str, Any],
    defaults: Mapping[str, Any], links: Mapping[str, str],
) -> Rendered:  # fmt: skip
    """The fields of a channel for a person. `links` are where to unsubscribe and choose. Raises CannotRender."""
    by_language = contents.get(channel)
    if not by_language:
        raise CannotRender("The template has nothing for this channel.")
    language = language_of(wanted_language(traits), by_language, fallback)
    source = by_language[language]
    data = data_of(traits, variables, defaults) | {"language": language, "channel": channel} | dict(links)
    missing: list[str] = []
    fields: dict[str, str] = {}
    for name in FIELDS[channel]:
        if source.get(name):
            fields[name] = _field(channel, name, source[name], data, missing)
    if channel == "email":
        fields = _mail(fields)
    return Rendered(channel, language, fields, tuple(dict.fromkeys(missing)), tuple(_warnings(channel, fields)))


def _field(channel: str, name: str, source: str, data: Mapping[str, Any], missing: list[str]) -> str:
    if channel == "webhook":
        return json.dumps(_leaves(read_json(source), data, missing), ensure_ascii=False)
    text, lacking = render(source, data, escaping=channel == "email" and name == "body")
    missing += lacking
    # A line break in a subject would begin another header.
    return text if name in ("body", "text", "parameters") else " ".join(text.split())


def read_json(source: str) -> Any:
    """A webhook's body: JSON with Liquid inside its texts. Raises CannotRender."""
    try:
        return json.loads(source)
    except (ValueError, RecursionError) as error:
        raise CannotRender(f"The body is no JSON ({error}). Liquid stands inside of its texts.") from None


def _leaves(value: Any, data: Mapping[str, Any], missing: list[str]) -> Any:
    """Liquid is rendered inside each text, so that no value can break the structure."""
    if isinstance(value, dict):
        return {key: _leaves(one, data, missing) for key, one in value.items()}
    if isinstance(value, list):
        return [_leaves(one, data, missing) for one in value]
    if not isinstance(value, str):
        return value
    text, lacking = render(value, data)
    missing += lacking
    return text


def _mail(fields: Mapping[str, str]) -> dict[str, str]:
    html = mail.to_html(fields["body"])
    made = {**fields, "body": html}
    made["text"] = fields.get("text") or mail.to_text(html)
    if fields.get("preheader"):
        made["body"] = _with_preheader(html, fields["preheader"])
    return made


def _with_preheader(html: str, words: str) -> str:
    """What mail programs show after the subject: the first words of the body, not seen in it."""
    from html import escape

    hidden = f'<div style="display:none;max-height:0;overflow:hidden">{escape(words)}</div>'
    place = html.lower().find("<body")
    end = html.find(">", place) + 1 if place >= 0 else 0
    return html[:end] + hidden + html[end:]


def _warnings(channel: str, fields: Mapping[str, str]) -> list[str]:
    found = []
    if channel == "email" and len(fields["body"].encode()) > 102_000:
        found.append("The body is longer than 102 KB: Gmail shows the beginning only.")
    if channel == "sms" and (parts := sms_parts(fields["body"])) > 1:
        found.append(f"It is sent as {parts} parts, each of which is charged.")
    if channel in ("webpush", "mobilepush") and len("".join(fields.values()).encode()) > 3_000:
        found.append("It is longer than 3 KB: push services may refuse it.")
    return found


_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€")


def sms_parts(text: str) -> int:
    """Into how many messages a text is cut: 160 characters of the GSM alphabet (153 each of several), else 70 (67)
    units of UTF-16. 3GPP TS 23.038, 23.040."""
    if all(one in _GSM or one in _GSM_TWICE for one in text):
        length, single, several = len(text) + sum(one in _GSM_TWICE for one in text), 160, 153
    else:
        length, single, several = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= single else -(-length // several)


def expect_way_out(contents: Contents) -> dict[str, str]:
    """Problems of marketing mail from which nobody can unsubscribe, by pointer."""
    return {
        f"/contents/email/{language}/body": "Marketing needs a way out: write {{ unsubscribe_url }} into a link."
        for language, fields in contents.get("email", {}).items()
        if not any(name in fields.get("body", "") for name in _LINKS)
    }
