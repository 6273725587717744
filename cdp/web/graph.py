"""The identity graph of one profile as JSON for the browser. Pure but for the sight it is given."""

from collections.abc import Collection, Sequence
from typing import Any

from cdp.web.sight import Sight
from identity.contracts import IdentifierView, LinkView, ProfileView

MOST_NODES = 150
_SHORT = 26


def graph_of(
    profile: ProfileView,
    links: Sequence[LinkView],
    sight: Sight,
    *,
    bridges: Collection[tuple[int, int]] = (),
    cut: tuple[int, int] | None = None,
    parting: Collection[int] = (),
) -> dict[str, Any]:
    """Nodes and edges, capped: a browser draws 150 nodes at once, more say nothing to the eye.

    `bridges` are links without which the profile parts, `cut` is the one that is asked about, and `parting` are the
    identifiers that would go with it.
    """
    own = {one.id for one in profile.identifiers}
    live = [link for link in links if link.retracted_at is None]
    nodes = {one.id: one for one in profile.identifiers}
    for link in live:
        nodes.setdefault(link.a.id, link.a)
        nodes.setdefault(link.b.id, link.b)
    kept = dict(list(nodes.items())[:MOST_NODES])
    return {
        "nodes": [
            _node(one, sight, inside=one.id in own) | {"parting": one.id in parting} for one in kept.values()
        ],
        "edges": [
            _edge(link) | {"bridge": (link.a.id, link.b.id) in bridges, "cut": (link.a.id, link.b.id) == cut}
            for link in live if link.a.id in kept and link.b.id in kept
        ],
        "left_out": len(nodes) - len(kept),
    }  # fmt: skip


def _node(one: IdentifierView, sight: Sight, *, inside: bool) -> dict[str, Any]:
    text = sight.text(one.kind, one.value)
    return {
        "id": str(one.id), "kind": one.kind, "inside": inside,
        "label": text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…",
    }  # fmt: skip


def _edge(link: LinkView) -> dict[str, Any]:
    state = "refused" if link.refused_because else link.origin
    return {"a": str(link.a.id), "b": str(link.b.id), "state": state}
