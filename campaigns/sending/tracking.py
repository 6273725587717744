"""Clicks and opens: links of a body lead by here, and a pixel tells that it was seen."""

import re
from html import escape, unescape

from campaigns.sending.tokens import click_token, public_url, token_of

_HREF = re.compile(r"""(<a\b[^>]*?\shref=)(["'])(https?://[^"']+)\2""", re.IGNORECASE)
# A longer one is left as it is: mail programs cut what is longer than they take.
_LONGEST = 1_500


def with_clicks(html: str, send_id: int) -> str:
    """The body with every link to the web leading by here; ours, which carry tokens of their own, do not."""
    base = public_url()

    def measured(found: re.Match[str]) -> str:
        url = unescape(found[3])
        if url.startswith(f"{base}/m/") or len(url) > _LONGEST:
            return found[0]
        return f"{found[1]}{found[2]}{escape(f'{base}/m/click/{click_token(send_id, url)}')}{found[2]}"

    return _HREF.sub(measured, html)


def with_pixel(html: str, send_id: int) -> str:
    """The body with a picture of one pixel at its end."""
    pixel = f'<img src="{public_url()}/m/open/{token_of(send_id, "open")}" width="1" height="1" alt="">'
    place = html.lower().rfind("</body>")
    return html[:place] + pixel + html[place:] if place >= 0 else html + pixel
