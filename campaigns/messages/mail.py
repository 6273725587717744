"""E-mail bodies: MJML to HTML, and HTML to the plain text that goes along with it. Pure."""

import re
from html.parser import HTMLParser

import mrml

from campaigns.messages.contracts import CannotRender

# MJML is read by recursion; a person nests a few.
_DEEPEST = 60
_VOID = frozenset({"br", "img", "hr", "meta", "link", "input", "col", "area", "base", "source", "wbr"})
_BLOCKS = frozenset({
    "p", "div", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "section", "header",
    "footer", "pre",
})  # fmt: skip
_UNREAD = frozenset({"style", "script", "head", "title"})
_BLANKS = re.compile(r"[ \t\xa0\u200b-\u200f\u2007\ufeff\u00ad\u034f]+")


class _Depth(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.depth = self.deepest = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in _VOID:
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag not in _VOID


def to_html(body: str) -> str:
    """The HTML of a body: what begins with `<mjml` is MJML, all else is HTML already. Raises CannotRender."""
    if not is_mjml(body):
        return body
    looked = _Depth()
    looked.feed(body)
    if looked.deepest > _DEEPEST:
        raise CannotRender(f"Its elements are nested more than {_DEEPEST} deep.")
    try:
        return str(mrml.to_html(body).content)
    except (OSError, ValueError, RuntimeError) as error:
        raise CannotRender(f"The MJML cannot be read: {error}.") from None


def is_mjml(body: str) -> bool:
    """Whether a body is MJML."""
    return body.lstrip()[:5].lower() == "<mjml"


def _mark(tag: str, alt: str) -> str:
    """What stands in the text for the beginning of an element."""
    if tag in _BLOCKS:
        return "\n\n" if tag in ("p", "h1", "h2", "h3") else "\n"
    return {"br": "\n", "li": "\n- ", "hr": "\n---\n", "td": " ", "img": alt}.get(tag, "")


class _Text(HTMLParser):
    """Words with line breaks where blocks are, and the addresses of links after them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        hidden = "display:none" in (given.get("style") or "").replace(" ", "")
        if tag not in _VOID and (tag in _UNREAD or hidden or self._silent):
            self._silent.append(tag)
        elif not self._silent:
            self.parts.append(_mark(tag, given.get("alt") or ""))
            if tag == "a":
                self._links.append((given.get("href") or "", len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag in self._silent:
                while self._silent.pop() != tag:
                    pass
            return
        if tag == "a" and self._links:
            address, begin = self._links.pop()
            words = "".join(self.parts[begin:]).strip()
            if address.startswith(("http:", "https:")) and address != words:
                self.parts.append(f" ({address})" if words else address)
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data.replace("\n", " ").replace("\r", " "))


def to_text(html: str) -> str:
    """The words of an HTML body, links with their addresses."""
    reader = _Text()
    # Outlook's conditional comments hold tables of their own.
    reader.feed(re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL))
    reader.close()
    lines = [_BLANKS.sub(" ", line).strip() for line in "".join(reader.parts).split("\n")]
    text = "\n".join(lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
