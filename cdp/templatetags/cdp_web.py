"""Template tags of the pages. Load with `{% load cdp_web %}`."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from cdp.web.icons import ICONS
from events.contracts import spoken

register = template.Library()

_STEPS = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600), (86_400 * 60, "d", 86_400))


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sprite, hidden from screen readers: the words beside it say the same."""
    if name not in ICONS:
        raise ValueError(f"no icon {name!r} in cdp/web/icons.py")
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        extra, static("cdp/icons.svg"), name,
    )  # fmt: skip


@register.simple_tag(takes_context=True)
def pii(context: template.Context, field: str, value: object) -> str:
    """A value of a person as this visitor may see it."""
    return str(context["sight"].text(field, value))


@register.simple_tag(takes_context=True)
def pii_json(context: template.Context, value: Any) -> str:
    """JSON of a person, indented, as this visitor may see it."""
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except ValueError:  # an item that was refused because nobody can read it
            return str(context["sight"].text("", value))
    return json.dumps(context["sight"].tree(value), indent=2, ensure_ascii=False, default=str)


@register.simple_tag(takes_context=True)
def when(context: template.Context, moment: datetime | None) -> str | SafeString:
    """A time in the visitor's zone with the zone named, the distance beside it, and UTC on hover."""
    if moment is None:
        return "never"
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" class="when">{} <span class="when-ago">{}</span></time>',
        moment.astimezone(UTC).isoformat(), moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        f"{date_format(local, 'j M Y, H:i')} {local.strftime('%Z')}", distance(moment, context["now"]),
    )  # fmt: skip


@register.simple_tag(takes_context=True)
def ago(context: template.Context, moment: datetime | None) -> str | SafeString:
    """How long ago, with the exact time on hover."""
    if moment is None:
        return "never"
    exact = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(), exact.strftime("%Y-%m-%d %H:%M:%S UTC"), distance(moment, context["now"]),
    )  # fmt: skip


def distance(moment: datetime, now: datetime) -> str:
    """`3 min ago`, `in 2 h`, `5 d ago`; months and years as plain years when far away."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < 2:
        return "now"
    text = next((f"{int(size // unit)} {name}" for limit, name, unit in _STEPS if size < limit), "")
    text = text or (
        f"{int(size // (86_400 * 30))} months" if size < 86_400 * 700 else f"{int(size // 31_557_600)} years"
    )
    return f"{text} ago" if seconds > 0 else f"in {text}"


@register.filter
def num(value: int | float | None) -> str:
    """A number with commas between thousands, or a dash."""
    if value is None:
        return "–"
    return f"{value:,.1f}" if isinstance(value, float) and not float(value).is_integer() else f"{int(value):,}"


@register.filter
def percent(value: float | None) -> str:
    """A share as a percentage with one decimal, or a dash."""
    return "–" if value is None else f"{value * 100:z.1f} %"


@register.filter
def points(value: float | None) -> str:
    """How much more or less a share is, in percentage points, or a dash."""
    return "–" if value is None else f"{value * 100:+.1f} points"


@register.filter
def event_name(name: str) -> str:
    """An event as people call it: a page call has no name of its own."""
    return spoken(name)


_TICKED = re.compile("`([^`]+)`")


@register.filter
def ticks(text: str) -> SafeString:
    """A sentence in which `names` between backquotes stand out as code."""
    return mark_safe(_TICKED.sub(r"<code>\1</code>", escape(text)))  # noqa: S308


@register.filter
def pretty(value: Any) -> str:
    """JSON as indented text."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@register.filter
def span(seconds: int) -> str:
    """A length of time in its largest whole unit: `90 s`, `5 min`, `6 h`."""
    size, name = next((size, name) for size, name in _UNITS if seconds % size == 0)
    return f"{seconds // size} {name}"


@register.filter
def lasted(seconds: float | None) -> str:
    """A length of time in the largest unit that it fills: `0.4 s`, `2.5 h`, `3.0 d`, or a dash."""
    if seconds is None:
        return "–"
    size, name = next(((size, name) for size, name in _LENGTHS if seconds >= size), (1, "s"))
    return f"{seconds / size:.1f}\u202f{name}"


_LENGTHS = ((86_400, "d"), (3_600, "h"), (60, "min"))


@register.filter
def words(value: object) -> str:
    """`order_completed` as `order completed`: a code as words."""
    return str(value).replace("_", " ").replace(".", " ")


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """One value of a mapping, or nothing."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.simple_tag(takes_context=True)
def qs(context: template.Context, **changes: Any) -> str:
    """The present query string with some parameters changed (None or empty removes one)."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        if value in (None, ""):
            query.pop(key, None)
        else:
            query[key] = str(value)
    text = query.urlencode()
    return f"?{text}" if text else "?"
