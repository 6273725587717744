"""The visitor cookie: an anonymous id that the server keeps, because browsers cap what scripts keep. Pure.

Safari deletes cookies and storage that scripts wrote after seven days without a visit
(https://webkit.org/blog/9521/intelligent-tracking-prevention-2-3/). A cookie that a server of the same site sets is not
capped so. It is HttpOnly: the script learns the id from the answer. Only websites that the source names may ask.
"""

import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs
from uuid import uuid4

import msgspec

from connectors.sources.contracts import SourceView

PATH = "/v1/visitor"
# The longest that Chromium keeps any cookie.
_SECONDS = 400 * 86_400
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class _Wish(msgspec.Struct):
    anonymousId: str = ""


_decode = msgspec.json.Decoder(_Wish).decode


def may_ask(source: SourceView, origin: str) -> bool:
    """Whether a website may have the cookie set and read the id."""
    return origin.lower() in source.origins


def visitor_id(source: SourceView, *, cookies: str, query: str, body: bytes) -> str:
    """The id of the cookie; else, and when `new=1` asks for another, the one that the script has, or a fresh one."""
    kept = "" if "1" in parse_qs(query).get("new", ()) else _kept(source, cookies)
    return kept or _wished(body) or str(uuid4())


def headers(source: SourceView, visitor: str, *, origin: str, secure: bool) -> list[tuple[str, str]]:
    """What sets the cookie (again, so that its time begins anew) and lets the website read the answer."""
    cookie = f"{_name(source)}={visitor}; Max-Age={_SECONDS}; Path={PATH}; HttpOnly; SameSite=Lax"
    return [
        ("Set-Cookie", f"{cookie}; Secure" if secure else cookie),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin, Cookie"),
        ("Cache-Control", "no-store"),
    ]


def _name(source: SourceView) -> str:
    return f"cdp_visitor_{source.id}"


def _kept(source: SourceView, cookies: str) -> str:
    try:
        found = SimpleCookie(cookies).get(_name(source))
    except CookieError:
        return ""
    return found.value if found is not None and _ID.fullmatch(found.value) else ""


def _wished(body: bytes) -> str:
    try:
        wished = _decode(body).anonymousId
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return wished if _ID.fullmatch(wished) else ""
