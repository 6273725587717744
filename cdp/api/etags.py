"""Entity tags and the conditions that name them (RFC 9110, sections 8.8 and 13)."""

import hashlib

ANY = "*"


def content_tag(content: bytes) -> str:
    """A hash of the answer's bytes."""
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def listed(header: str) -> list[str]:
    """The tags of an If-Match or If-None-Match header without weakness marks and quotes; `*` stays `*`."""
    tags = [part.strip() for part in header.split(",")]
    return [tag.removeprefix("W/").strip('"') for tag in tags if tag]


def none_match(header: str, tag: str) -> bool:
    """Whether If-None-Match lets the answer through: no listed tag is the present one (weak comparison)."""
    present = tag.removeprefix("W/").strip('"')
    return not any(one in (ANY, present) for one in listed(header))


def edit_tag(*, definition: str, content: bytes) -> str:
    """A strong tag in two parts: what an edit changes, and all that is shown.

    The second part makes If-None-Match exact. If-Match looks at the first part alone, so that members who come and go
    do not make an edit of the rule stale.
    """
    return f'"{definition}.{content_tag(content)}"'


def edits(header: str, definition: str) -> bool:
    """Whether If-Match names the present definition. Weak tags never match (strong comparison)."""
    parts = [part.strip() for part in header.split(",")]
    strong = [part.strip('"') for part in parts if not part.startswith("W/")]
    return any(tag == ANY or tag.partition(".")[0] == definition for tag in strong)
