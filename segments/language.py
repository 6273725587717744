"""A rule from text that people can read, write and paste; `source.write` gives the text of a rule.

plan = "pro" and count("Order Completed" where category in ("shoes", "hats") in last 30 days) >= 3
and not (segment lapsed or no "Order Completed" for 30 minutes since "Cart Abandoned")

trait        plan = "pro"   age >= 18   city in ("Oslo", "Rome")   `first name` starts with "A"   email is set
             born before "2000-01-01"   seen within last 7 days   seen more than 30 days ago   due within next 14 days
events       count(E) >= 1   sum(revenue of E) > 100   avg(…)   min(…)   max(…)   distinct(category of E) >= 2
             first(E) before "2026-01-01"   last(E) within last 7 days        E: "Name" [where …] [in last 30 days]
absence      no "Order Completed" for 30 minutes since "Cart Abandoned"
sequence     sequence("A" then "B" where x = 1 without "C" span 1 hour in last 30 days)
others       segment vip   list press   random "spring" 0 to 10   everyone
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from segments.parsing import Problem, RuleError, parse_rule
from segments.rules import STATS, Node

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<quoted>`(?:[^`]|``)+`)|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"""
    r"""|(?P<sign><=|>=|!=|=|<|>|\(|\)|,)|(?P<word>[\w.$-]+))"""
)
_SIGNS = {"=": "eq", "!=": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
SIGN_OF = {op: sign for sign, op in _SIGNS.items()}
_UNITS = {"minute": "minutes", "hour": "hours", "day": "days"}
PLAIN = re.compile(r"[A-Za-z_$][\w.$]*")
# A name that is one of these is written in backquotes.
_WORDS = """
and or not everyone all any count sum first last no segment list random sequence is in contains starts before after
within more of where for since then without span true false
"""
RESERVED = frozenset((*_WORDS.split(), *STATS))


class _Token(NamedTuple):
    kind: str
    value: str
    place: int


def read(text: str) -> Node:
    """The rule that a text says.

    Raises:
        RuleError: it cannot be read, with the place and what was expected there; or it is no rule (see `parse_rule`).
    """
    reader = _Reader(text)
    found = reader.rule()
    reader.end()
    return parse_rule(found)


class _Reader:
    """Recursive descent over the words of a text, to the JSON form of a rule."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._at = text, _tokens(text), 0

    def end(self) -> None:
        if self._next.kind:
            raise self._expected("and, or, or the end")

    def rule(self) -> dict[str, Any]:
        parts = [self._every()]
        while self._take("or"):
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else {"any": parts}

    def _every(self) -> dict[str, Any]:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else {"all": parts}

    def _one(self) -> dict[str, Any]:
        if self._take("not"):
            return {"not": self._one()}
        if self._take("("):
            found = self.rule()
            self._need(")")
            return found
        word = self._next.value if self._next.kind == "word" else ""
        reader = getattr(self, f"_read_{word}", None)
        if reader is not None:
            self._at += 1
            return dict(reader())
        if word in ("count", "sum", *STATS):
            self._at += 1
            return self._amount(word)
        return self._comparison({"trait": self._name()})

    def _read_everyone(self) -> dict[str, Any]:
        return {"all": []}

    def _read_all(self) -> dict[str, Any]:
        return {"all": [self._bracketed()]}

    def _read_any(self) -> dict[str, Any]:
        return {"any": [self._bracketed()]}

    def _bracketed(self) -> dict[str, Any]:
        self._need("(")
        found = self.rule()
        self._need(")")
        return found

    def _read_segment(self) -> dict[str, Any]:
        return {"segment": self._slug()}

    def _read_list(self) -> dict[str, Any]:
        return {"list": self._slug()}

    def _read_random(self) -> dict[str, Any]:
        seed, start = self._string(), self._number()
        self._need("to")
        return {"random": seed, "from": start, "to": self._number()}

    def _read_no(self) -> dict[str, Any]:
        absent = self._string()
        self._need("for")
        lasting = self._window()
        self._need("since")
        return {"absent": absent, "after": self._string(), "for": lasting}

    def _read_first(self) -> dict[str, Any]:
        return self._time("first")

    def _read_last(self) -> dict[str, Any]:
        return self._time("last")

    def _time(self, which: str) -> dict[str, Any]:
        self._need("(")
        event = self._event()
        self._need(")")
        return {**event, which: self._comparison({})}

    def _read_sequence(self) -> dict[str, Any]:
        self._need("(")
        found: dict[str, Any] = {"sequence": [self._event()]}
        while self._take("then"):
            found["sequence"].append(self._event())
        if self._take("without"):
            found["without"] = [self._event()]
            while self._take("or"):
                found["without"].append(self._event())
        if self._take("span"):
            found["span"] = self._window()
        self._need("in", "last")
        found["within"] = self._window()
        self._need(")")
        return found

    def _amount(self, kind: str) -> dict[str, Any]:
        self._need("(")
        detail: dict[str, Any] = {}
        if kind != "count":
            detail["property"] = self._name()
            self._need("of")
        found = self._event()
        if self._take("in"):
            self._need("last")
            found["within"] = self._window()
        self._need(")")
        return {**found, kind: {**detail, **self._comparison({})}}

    def _event(self) -> dict[str, Any]:
        found: dict[str, Any] = {"event": self._string()}
        if self._take("where"):
            found["where"] = [self._comparison({"property": self._name()})]
            while self._take("and"):
                found["where"].append(self._comparison({"property": self._name()}))
        return found

    def _comparison(self, subject: dict[str, Any]) -> dict[str, Any]:
        op = self._op()
        if op in ("exists", "missing"):
            return {**subject, "is": op}
        value = _READERS.get(op, _Reader._value)(self)
        if op == "more_than_ago":
            self._need("ago")
        return {**subject, "is": op, "value": value, **self._zone()}

    def _zone(self) -> dict[str, str]:
        # `in` may also begin the window of the event whose property this is.
        if [one.value for one in self._tokens[self._at : self._at + 2]] != ["in", "zone"]:
            return {}
        self._at += 2
        return {"zone": self._string()}

    def _op(self) -> str:
        for phrase, op in _PHRASES.items():
            words = phrase.split()
            following = self._tokens[self._at : self._at + len(words)]
            if [one.value for one in following if one.kind in ("word", "sign")] == words:
                self._at += len(words)
                return op
        raise self._expected(f"a comparison ({', '.join(_PHRASES)})")

    def _values(self) -> list[Any]:
        self._need("(")
        found = [self._value()]
        while self._take(","):
            found.append(self._value())
        self._need(")")
        return found

    def _value(self) -> Any:
        if self._next.kind == "text":
            return self._string()
        if self._next.value in ("true", "false"):
            self._at += 1
            return self._tokens[self._at - 1].value == "true"
        return self._number()

    def _window(self) -> dict[str, int]:
        amount = self._number()
        unit = self._next.value.removesuffix("s")
        if unit not in _UNITS or not isinstance(amount, int):
            raise self._expected("a length of time such as 30 days")
        self._at += 1
        return {_UNITS[unit]: amount}

    def _number(self) -> int | float:
        if self._next.kind != "number":
            raise self._expected("a number")
        self._at += 1
        found: int | float = json.loads(self._tokens[self._at - 1].value)
        return found

    def _string(self) -> str:
        if self._next.kind != "text":
            raise self._expected("a text in quotation marks")
        token = self._next
        self._at += 1
        try:
            return str(json.loads(token.value, strict=False))
        except json.JSONDecodeError as error:
            raise _problem(self._text, token.place, "this text has a backslash that is none of JSON's") from error

    def _name(self) -> str:
        token = self._next
        if token.kind == "quoted" or (token.kind == "word" and token.value not in RESERVED):
            self._at += 1
            return token.value[1:-1].replace("``", "`") if token.kind == "quoted" else token.value
        raise self._expected("a name (in `backquotes` when it has spaces)")

    def _slug(self) -> str:
        if self._next.kind not in ("word", "number"):
            raise self._expected("a slug")
        self._at += 1
        return self._tokens[self._at - 1].value

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, word: str) -> bool:
        found = self._next.kind in ("word", "sign") and self._next.value == word
        self._at += found
        return found

    def _need(self, *words: str) -> None:
        for word in words:
            if not self._take(word):
                raise self._expected(word)

    def _expected(self, what: str) -> RuleError:
        found = f"found {self._next.value!r}" if self._next.kind else "the text ends"
        return _problem(self._text, self._next.place, f"expected {what}, but {found}")


_PHRASES = {
    **_SIGNS, "is set": "exists", "is missing": "missing", "in": "in", "contains": "contains",
    "starts with": "starts_with", "before": "before", "after": "after", "within last": "within_last",
    "within next": "within_next", "more than": "more_than_ago",
}  # fmt: skip
_READERS: dict[str, Callable[[_Reader], Any]] = {
    "in": _Reader._values, "before": _Reader._string, "after": _Reader._string, "within_last": _Reader._window,
    "within_next": _Reader._window, "more_than_ago": _Reader._window,
}  # fmt: skip


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise _problem(text, place, f"{text[place]!r} cannot be read")
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return [*found, _Token("", "", len(text))]


def _problem(text: str, place: int, message: str) -> RuleError:
    line = text.count("\n", 0, place) + 1
    column = place - (text.rfind("\n", 0, place) + 1) + 1
    return RuleError(Problem("", f"Line {line}, column {column}: {message}."))
