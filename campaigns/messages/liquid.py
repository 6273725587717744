"""Liquid for merge tags, bounded: a template may be wrong or hostile, and costs no more than the limits below.

Only plain data is reachable (mappings, lists, texts, numbers): python-liquid looks things up as items, never as
attributes. There is no loader, so nothing is included. https://jg-rp.github.io/liquid/
"""

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from liquid import BoundTemplate, Environment, RenderContext, Undefined
from liquid.exceptions import LiquidError, ResourceLimitError

from campaigns.messages.contracts import CannotRender

MOST_SOURCE = 200_000
MOST_OUTPUT = 500_000
_MOST_TEXT = 100_000
_MOST_ITEMS = 1_000
_MOST_BITS = 1_024
_MOST_LOOPS = 10_000
_MOST_FILTERS = 20_000
# For a template of any sense a thousand times too long.
_SECONDS = 2.0
# A filter whose work grows with the product of value and argument, or with the square of the value.
_PRODUCTS = ("replace", "replace_first", "replace_last", "join", "remove", "split")
_SQUARES = {"strip_html": 5_000, "uniq": 500, "date": 200}

_missing: ContextVar[list[str] | None] = ContextVar("missing", default=None)


class _Missing(Undefined):
    """What is not there reads as nothing, and is told when it is written out."""

    def __str__(self) -> str:
        found = _missing.get()
        if found is not None:
            found.append((self.hint or self.name).removesuffix(" is undefined").strip("'"))
        return ""


class _Context(RenderContext):
    """Counts what a rendering does, over all loops one after another and inside each other."""

    __slots__ = ("_ends_at", "_filters", "_turns")

    def __init__(self, template: BoundTemplate, **more: Any) -> None:
        super().__init__(template, **more)
        self._turns, self._filters, self._ends_at = 0, 0, time.monotonic() + _SECONDS

    def raise_for_loop_limit(self, length: int = 1) -> None:
        super().raise_for_loop_limit(length)
        self._turns += max(length, 1)
        if self._turns > _MOST_LOOPS:
            raise ResourceLimitError("loops take too many turns", token=None)
        self._in_time()

    def get(self, path: list[object], **more: Any) -> object:
        self._in_time()
        return super().get(path, **more)

    def filter(self, name: str, token: Any) -> Callable[..., object]:
        inner = super().filter(name, token)
        self._filters += 1
        if self._filters > _MOST_FILTERS:
            raise ResourceLimitError("too many filters", token=token)
        self._in_time()

        def bounded(value: object, *args: object, **named: object) -> object:
            given = [value, *args, *named.values()]
            for one in given:
                _small(one)
            if name in _PRODUCTS and (_length(value) + 1) * max(map(_length, args), default=0) > MOST_OUTPUT:
                raise ResourceLimitError(f"{name} would make too much", token=token)
            if any(_length(one) > _SQUARES[name] for one in given if name in _SQUARES):
                raise ResourceLimitError(f"{name} takes less than this", token=token)
            return _small(inner(value, *args, **named))

        return bounded

    def _in_time(self) -> None:
        if time.monotonic() > self._ends_at:
            raise ResourceLimitError("it takes too long", token=None)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple | range) else 0


def _small(value: object) -> object:
    if isinstance(value, str) and len(value) > _MOST_TEXT:
        raise ResourceLimitError("a text grows too long", token=None)
    if isinstance(value, list | tuple | range) and len(value) > _MOST_ITEMS:
        raise ResourceLimitError("a list grows too long", token=None)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ResourceLimitError("a number grows too large", token=None)
    return value


class _Template(BoundTemplate):
    context_class = _Context


class _Bounded(Environment):
    template_class = _Template
    block_nesting_limit = 20
    context_depth_limit = 25
    loop_iteration_limit = _MOST_LOOPS
    local_namespace_limit = 1_000_000
    output_stream_limit = MOST_OUTPUT


@lru_cache(maxsize=2)
def _environment(escaping: bool) -> Environment:
    made = _Bounded(undefined=_Missing, autoescape=escaping)
    for tag in ("include", "render"):
        made.tags.pop(tag, None)
    # Values are escaped whatever a template says.
    made.filters.pop("safe", None)
    return made


@lru_cache(maxsize=512)
def _parsed(source: str, escaping: bool) -> BoundTemplate:
    return _environment(escaping).from_string(source)


def parse(source: str, *, escaping: bool = False) -> BoundTemplate:
    """The template of a text. Raises CannotRender with the line and what is wrong."""
    if len(source) > MOST_SOURCE:
        raise CannotRender(f"It is longer than {MOST_SOURCE:,} characters.")
    try:
        return _parsed(source, escaping)
    except (LiquidError, RecursionError, ValueError, TypeError) as error:
        raise CannotRender(_told(error, source)) from None


def render(source: str, data: Mapping[str, Any], *, escaping: bool = False) -> tuple[str, list[str]]:
    """The text that a template becomes, and the names of what was missing. With `escaping`, values are HTML.

    `data` is plain JSON. Raises CannotRender for a template that is wrong, or that goes over a limit.
    """
    template = parse(source, escaping=escaping)
    missing: list[str] = []
    token = _missing.set(missing)
    try:
        text = template.render(**data)
    except (LiquidError, RecursionError, ValueError, TypeError, OverflowError, ArithmeticError) as error:
        raise CannotRender(_told(error, source)) from None
    finally:
        _missing.reset(token)
    return str(text), list(dict.fromkeys(missing))


def _told(error: Exception, source: str) -> str:
    """What went wrong, and on which line."""
    words = str(getattr(error, "message", None) or error or type(error).__name__)
    place = getattr(error, "token", None)
    start = getattr(place, "start_index", None)
    where = f" (line {source.count(chr(10), 0, start) + 1})" if isinstance(start, int) and start >= 0 else ""
    return f"{words[:1].upper()}{words[1:300]}{where}."
