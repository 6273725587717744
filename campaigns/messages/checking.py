"""Whether contents make a template. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from campaigns.messages.contracts import CHANNELS, FIELDS, REQUIRED, CannotRender, Contents, InvalidTemplate
from campaigns.messages.liquid import parse
from campaigns.messages.rendering import read_json, render_message

_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{2,8})*")
_MOST_LANGUAGES = 60


def read_contents(given: Any, language: str) -> Contents:
    """Contents by channel, language and field. Raises InvalidTemplate with what is wrong, by JSON pointer."""
    if not isinstance(given, Mapping) or not given:
        raise InvalidTemplate({"/contents": "Say something by at least one channel."})
    if not _LANGUAGE.fullmatch(language):
        raise InvalidTemplate({"/language": "Give a language such as en or de-AT."})
    problems: dict[str, str] = {}
    found = {
        channel: {
            name: {key: text for key, text in fields.items() if isinstance(text, str) and text.strip()}
            for name, fields in languages.items()
            if isinstance(fields, Mapping)
        }
        for channel, languages in given.items()
        if isinstance(languages, Mapping) and languages
    }
    for channel, languages in given.items():
        problems |= dict(_channel_problems(channel, languages, language))
    if problems:
        raise InvalidTemplate(problems)
    return found


def _channel_problems(channel: str, languages: Any, language: str) -> Iterator[tuple[str, str]]:
    where = f"/contents/{channel}"
    if channel not in CHANNELS:
        yield where, f"Choose among {', '.join(CHANNELS)}."
    elif not isinstance(languages, Mapping) or not languages or len(languages) > _MOST_LANGUAGES:
        yield where, "Give the texts by language."
    elif language not in languages:
        yield f"{where}/{language}", "The language that stands in for all others is not there."
    else:
        for name, fields in languages.items():
            yield from _field_problems(channel, name, fields)


def _field_problems(channel: str, language: str, fields: Any) -> Iterator[tuple[str, str]]:
    where = f"/contents/{channel}/{language}"
    if not _LANGUAGE.fullmatch(str(language)) or not isinstance(fields, Mapping):
        yield where, "Give the fields by language, such as en or de-AT."
        return
    if not all(isinstance(one, str) for one in fields.values()):
        yield where, "Give each field as text."
        return
    for name in fields.keys() - set(FIELDS[channel]):
        yield f"{where}/{name}", f"There is no such field; there are {', '.join(FIELDS[channel])}."
    written = {name for name, text in fields.items() if text.strip()}
    for name in set(REQUIRED[channel]) - written:
        yield f"{where}/{name}", "Write something."
    if channel == "whatsapp" and not written & {"body", "template"}:
        yield f"{where}/body", "Write a text, or name a template that WhatsApp has approved."
    for name, text in fields.items():
        problem = _text_problem(channel, name, text)
        if problem:
            yield f"{where}/{name}", problem


def _text_problem(channel: str, name: str, text: str) -> str:
    try:
        parse(text, escaping=channel == "email" and name == "body")
        if channel == "webhook":
            read_json(text)
        return ""
    except CannotRender as problem:
        return str(problem)


def try_out(contents: Contents, language: str, defaults: Mapping[str, Any]) -> None:
    """Render everything for somebody of whom nothing is known. Raises InvalidTemplate: such people are written to."""
    problems: dict[str, str] = {}
    for channel, languages in contents.items():
        for name in languages:
            try:
                render_message(
                    contents, channel, fallback=language, traits={"language": name}, variables={}, defaults=defaults,
                    links={"unsubscribe_url": "https://example.org/u", "preferences_url": "https://example.org/p"},
                )  # fmt: skip
            except CannotRender as problem:
                problems[f"/contents/{channel}/{name}/body"] = str(problem)
    if problems:
        raise InvalidTemplate(problems)
