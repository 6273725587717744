"""What a digest says. Pure. No personal data: figures, names of events and sources; addresses in them are masked."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from common.masking import without_emails

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_MOST = 50


def subject_of(content: Mapping[str, Any]) -> str:
    """`2 new alerts over data quality, 1 resolved`."""
    raised, resolved, reports = (len(content[name]) for name in ("raised", "resolved", "reports"))
    parts = []
    if raised:
        parts.append(f"{raised} new alert{'' if raised == 1 else 's'} over data quality")
    if resolved:
        rest = f"alert{'' if resolved == 1 else 's'} over data quality "
        parts.append(f"{resolved} {'' if raised else rest}resolved")
    if reports:
        parts.append("monthly report of the tracking plan")
    told = ", ".join(parts)
    return told[:1].upper() + told[1:]


def text_of(content: Mapping[str, Any], *, site: str) -> str:
    """The mail, as plain text. `site` is where the product is reached; links are left out when it is not known."""
    parts = []
    for title, name, line in (
        ("New alerts", "raised", _alert), ("Resolved", "resolved", _alert), ("Monthly report", "reports", _report),
    ):  # fmt: skip
        told: Sequence[Mapping[str, Any]] = content[name]
        if told:
            more = [f"... and {len(told) - _MOST} more on the page."] if len(told) > _MOST else []
            parts.append("\n".join([f"{title}:", "", *(line(one, site) for one in told[:_MOST]), *more]))
    links = (
        [f"All alerts: {site}/data/quality/", f"What is mailed to you: {site}/data/quality/notices/"] if site else []
    )
    return "\n\n".join([*parts, "\n".join(links)]).strip() + "\n"


def plain(text: str) -> str:
    """On one line, with addresses masked: names of events are what a sender made of them."""
    return without_emails(_CONTROL.sub(" ", text)).strip()


def _alert(one: Mapping[str, Any], site: str) -> str:
    about = ", ".join(part for part in (one["event"], one["source"]) if part)
    seen = " Somebody has seen it." if one["state"] == "acknowledged" else ""
    lines = [f"- {one['label']}{f': {about}' if about else ''} ({one['since']})", f"  {one['told']}{seen}"]
    return "\n".join([*lines, *([f"  {site}{one['path']}"] if site else [])])


def _report(one: Mapping[str, Any], site: str) -> str:
    valid = "" if one["validity"] is None else f", {one['validity']:.1%} valid"
    lines = [
        f"- {one['month']}, {one['owner'] or 'events that nobody owns'}: {one['events']} planned events,"
        f" {one['volume']:,} came{valid}, {one['set_aside']:,} set aside, {one['alerts']} alerts"
    ]
    return "\n".join([*lines, *([f"  {site}{one['path']}"] if site else [])])
