"""From a sender's JSON to items of the tracking API, by JMESPath (https://jmespath.org/specification.html). Pure.

A mapping is `{"items": EXPRESSION, "rules": [RULE, …]}`. `items` says where the things are (`@`: the call is one; a
list gives several). The first rule whose `when` holds (left out: always) makes an item of a thing:

    {"when": "type == 'invoice.paid'", "type": "track", "event": "'Order Completed'",
     "ids": {"email": "customer.email", "stripe_id": "customer.id"},
     "time": "created", "id": "id", "properties": {"total": "amount_paid"}, "traits": {"plan": "plan.name"}}

Everything but `type` is an expression; text of one's own stands in single quotes. `properties` and `traits` are one
expression that gives an object, or one for each name; left out, the properties of a track call are the whole thing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import jmespath
import orjson
from jmespath.exceptions import JMESPathError

from common import clock
from connectors.webhooks.contracts import BadMapping

TYPES = ("track", "identify", "page", "screen", "group")
MOST_RULES, MOST_NAMES, LONGEST, MOST_THINGS = 50, 100, 500, 5_000
_PARTS = ("when", "event", "time", "id")
_OWN = {"user_id": "userId", "anonymous_id": "anonymousId"}
_IN_TRAITS = ("email", "phone", "loyalty_id", "crm_id")


class Unmapped(ValueError):
    """A thing that no rule makes an item of; the message says why."""


@dataclass(frozen=True, slots=True)
class _Rule:
    type: str
    when: Any
    event: Any
    time: Any
    id: Any
    ids: Mapping[str, Any]
    properties: Any
    traits: Any


@dataclass(frozen=True, slots=True)
class Reader:
    """A mapping that was read."""

    items: Any
    rules: Sequence[_Rule]

    def things(self, call: Any) -> list[Any]:
        """The things of a call. Raises Unmapped when there are none."""
        found = _search(self.items, call)
        things = found if isinstance(found, list) else [] if found is None else [found]
        if not things:
            raise Unmapped("`items` finds nothing in the call.")
        if len(things) > MOST_THINGS:
            raise Unmapped(f"The call holds {len(things)} things; at most {MOST_THINGS} are taken.")
        return things

    def item(self, thing: Any) -> dict[str, Any]:
        """The item of one thing. Raises Unmapped."""
        rule = next((one for one in self.rules if one.when is None or _truthy(_search(one.when, thing))), None)
        if rule is None:
            raise Unmapped("No rule's `when` holds for it.")
        return _item(rule, thing)


def read_mapping(given: Any) -> Reader:
    """A mapping as it is kept. Raises BadMapping with all that is wrong."""
    wrong: list[str] = []
    if not isinstance(given, Mapping):
        raise BadMapping(["A mapping is an object with `rules`."])
    wrong += [f"{key}: not known; use items and rules." for key in given if key not in ("items", "rules")]
    rules = given.get("rules")
    if not isinstance(rules, list) or not 0 < len(rules) <= MOST_RULES:
        raise BadMapping([*wrong, f"rules: give a list of 1 to {MOST_RULES} rules."])
    items = _expression(given.get("items") or "@", "items", wrong)
    made = [_rule(one, f"rules/{place}", wrong) for place, one in enumerate(rules)]
    if wrong:
        raise BadMapping(wrong)
    return Reader(items, [one for one in made if one is not None])


def _rule(one: Any, at: str, wrong: list[str]) -> _Rule | None:
    if not isinstance(one, Mapping):
        wrong.append(f"{at}: a rule is an object.")
        return None
    known = {*_PARTS, "type", "ids", "properties", "traits"}
    wrong += [f"{at}/{key}: not known; use {', '.join(sorted(known))}." for key in one if key not in known]
    kind = one.get("type", "track")
    if kind not in TYPES:
        wrong.append(f"{at}/type: choose one of {', '.join(TYPES)}.")
    if kind == "track" and not one.get("event"):
        wrong.append(f"{at}/event: say how the event is called; text of your own in single quotes.")
    ids = one.get("ids")
    if not isinstance(ids, Mapping) or not ids:
        wrong.append(f"{at}/ids: name at least one identifier, such as email.")
        ids = {}
    parts = {name: _expression(one[name], f"{at}/{name}", wrong) if one.get(name) else None for name in _PARTS}
    return _Rule(
        type=str(kind), **parts,
        ids={str(kind): _expression(text, f"{at}/ids/{kind}", wrong) for kind, text in ids.items()},
        properties=_names(one.get("properties"), f"{at}/properties", wrong),
        traits=_names(one.get("traits"), f"{at}/traits", wrong),
    )  # fmt: skip


def _names(given: Any, at: str, wrong: list[str]) -> Any:
    """One expression, or one for each name."""
    if given is None or isinstance(given, str):
        return None if given is None else _expression(given, at, wrong)
    if not isinstance(given, Mapping) or len(given) > MOST_NAMES:
        wrong.append(f"{at}: give an expression, or an object of at most {MOST_NAMES} expressions.")
        return None
    return {str(name): _expression(text, f"{at}/{name}", wrong) for name, text in given.items()}


def _expression(text: Any, at: str, wrong: list[str]) -> Any:
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST:
        wrong.append(f"{at}: give an expression of 1 to {LONGEST} characters.")
        return None
    try:
        return _compiled(text)
    except (JMESPathError, RecursionError) as error:
        wrong.append(f"{at}: {str(error).splitlines()[0]}")
        return None


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Any:
    return jmespath.compile(text)


def _search(expression: Any, thing: Any) -> Any:
    try:
        return expression.search(thing)
    except JMESPathError as error:
        raise Unmapped(f"{expression.expression}: {str(error).splitlines()[0]}") from error


def _truthy(value: Any) -> bool:
    """As JMESPath has it: nothing, false and what is empty are false; nought is true."""
    return value not in (None, False, "", [], {}) or value == 0 and value is not False


def _item(rule: _Rule, thing: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": rule.type, "messageId": _message_id(rule, thing)}
    own, known, external = _identifiers(rule, thing)
    made |= own
    traits = {**_object(rule.traits, thing), **known}
    context: dict[str, Any] = {"externalIds": external} if external else {}
    if rule.event is not None:
        made["event" if rule.type == "track" else "name"] = _search(rule.event, thing)
    if rule.time is not None and (moment := _time(_search(rule.time, thing))) is not None:
        made["timestamp"] = moment
    if rule.type == "identify":
        made["traits"] = traits
    else:
        made["properties"] = _properties(rule, thing)
        context |= {"traits": traits} if traits else {}
    return {**made, "context": context} if context else made


def _properties(rule: _Rule, thing: Any) -> dict[str, Any]:
    if rule.properties is not None:
        return _object(rule.properties, thing)
    return thing if rule.type == "track" and isinstance(thing, dict) else {}


def _identifiers(rule: _Rule, thing: Any) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """Those that the calls name themselves, those that go as traits, and all others as external ids."""
    found = {kind: _search(expression, thing) for kind, expression in rule.ids.items()}
    found = {
        kind: value for kind, value in found.items()
        if value not in (None, "") and not isinstance(value, list | dict | bool)
    }  # fmt: skip
    own = {_OWN[kind]: value for kind, value in found.items() if kind in _OWN}
    known = {kind: value for kind, value in found.items() if kind in _IN_TRAITS}
    others = [kind for kind in found if kind not in _OWN and kind not in _IN_TRAITS]
    return own, known, [
        {"id": str(found[kind]), "type": kind, "collection": "users", "encoding": "none"} for kind in others
    ]  # fmt: skip


def _message_id(rule: _Rule, thing: Any) -> str:
    """The sender's own id of the event, or the digest of the whole thing: the same again counts once."""
    own = None if rule.id is None else _search(rule.id, thing)
    if isinstance(own, str | int) and not isinstance(own, bool) and str(own):
        return f"hook-{own}"[:200]
    return "hook-" + hashlib.sha256(orjson.dumps(thing, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _object(names: Any, thing: Any) -> dict[str, Any]:
    if names is None:
        return {}
    if isinstance(names, Mapping):
        found = {name: _search(expression, thing) for name, expression in names.items()}
        return {name: value for name, value in found.items() if value is not None}
    found = _search(names, thing)
    return dict(found) if isinstance(found, dict) else {}


def _time(value: Any) -> str | None:
    """Text as it is; a number is seconds since 1970, or milliseconds when those seconds would be past the year 5000."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e14:
        return None
    seconds = value / 1000 if value > 1e11 else value
    return clock.iso(datetime.fromtimestamp(seconds, UTC))
