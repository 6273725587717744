"""The icons of the pages, as one small sprite.

`python -m cdp.web.icons PATH/TO/tabler-nodes-outline.json` writes `static/cdp/icons.svg` again
(the JSON comes from `npm pack @tabler/icons@3.51.0`). A name that is not listed here cannot be used in a page.
"""

import json
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

_NAMES = """
    activity adjustments affiliate alert-circle alert-triangle archive arrow-back-up arrow-left arrow-right
    arrows-join-2 arrows-split-2 ban bolt broadcast chart-line check chevron-down chevron-left chevron-right
    circle-check circle-dashed circle-x clock code cookie copy crystal-ball database device-desktop device-mobile
    download edit external-link eye eye-off filter fingerprint git-merge hash help-circle history home hourglass id
    inbox info-circle key keyboard layout-sidebar link link-off list-check list-details lock logout mail menu-2 moon
    palette phone player-pause player-play plug-connected plus refresh scale search send settings shield-check sun
    table target trash user user-plus users users-group webhook x
"""
ICONS = frozenset(_NAMES.split())
SPRITE = Path(__file__).resolve().parent.parent.parent / "static" / "cdp" / "icons.svg"


def sprite(nodes: dict[str, list[tuple[str, dict[str, str]]]]) -> str:
    """The SVG text with one symbol an icon, in alphabetical order."""
    symbols = [_symbol(name, nodes[name]) for name in sorted(ICONS)]
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _symbol(name: str, nodes: list[tuple[str, dict[str, str]]]) -> str:
    shapes = "".join(
        f"<{tag} {' '.join(f'{k}={quoteattr(str(v))}' for k, v in attrs.items())}/>" for tag, attrs in nodes
    )
    return (
        f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
        f'stroke-linecap="round" stroke-linejoin="round">{shapes}</symbol>'
    )


if __name__ == "__main__":
    SPRITE.write_text(sprite(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), encoding="utf-8")
