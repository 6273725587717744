"""JSON that a strict parser refuses: made storable, cut into its pieces, each decoded alone. Pure."""

import re

import msgspec

_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a surrogate pair: a real character
    rb"|(?P<bad>\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\u0000)"  # half a pair, or NUL, which PostgreSQL cannot hold
    rb"|\\.",
    re.DOTALL,
)
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


def storable(body: bytes) -> bytes:
    """Make the text storable: valid UTF-8, no NUL, no half surrogates; each is replaced by U+FFFD."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            body = body.decode(errors="replace").encode()
    if b"\\u" in body and (b"\\u0000" in body or b"\\ud" in body or b"\\uD" in body):
        body = _ESCAPES.sub(lambda found: b"\\ufffd" if found["bad"] else found[0], body)
    return body


def members(body: bytes) -> dict[str, msgspec.Raw]:
    """The top-level members of an object whose inside may be broken or nested without end, by counting brackets; none
    of what is no object."""
    found: dict[str, msgspec.Raw] = {}
    depth, key, start = 0, None, 0
    previous = b""
    for token in _TOKENS.finditer(body):
        text = token[0]
        if depth == 1 and text == b":":
            key, start = decoded(msgspec.Raw(previous)), token.end()
        closing = depth == 1 and text in (b",", b"}")
        if closing and isinstance(key, str):
            found[key] = msgspec.Raw(body[start : token.start()].strip())
            key = None
        depth += (text in (b"{", b"[")) - (text in (b"}", b"]"))
        previous = text
    return found


def elements(listing: bytes) -> list[bytes]:
    """The elements of a JSON list by counting brackets, whatever is inside them."""
    elements: list[bytes] = []
    depth, start = 0, 1
    for token in _TOKENS.finditer(listing):
        text = token[0]
        if depth == 1 and text in (b",", b"]"):
            element = listing[start : token.start()].strip()
            if element:
                elements.append(element)
            start = token.end()
        depth += (text in (b"{", b"[")) - (text in (b"}", b"]"))
    return elements


def decodes(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def decoded(raw: msgspec.Raw | None) -> object:
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
