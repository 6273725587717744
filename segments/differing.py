"""What one version of a rule changed against the one before, in words."""

from typing import Any

from segments.plan import distinct_leaves
from segments.rules import Node
from segments.wording import describe, describe_leaf


def diff_rules(before: Node, after: Node) -> list[dict[str, Any]]:
    """The conditions that came and went; when only the grouping changed, both rules in words."""
    old, new = distinct_leaves([before]), distinct_leaves([after])
    changes: list[dict[str, Any]] = []
    for change, leaves, others in (("removed", old, new), ("added", new, old)):
        changes.extend(
            {"change": change, "condition": leaf.to_json(), "wording": describe_leaf(leaf)}
            for leaf in leaves
            if leaf not in others
        )
    if not changes and before != after:
        changes.append({"change": "regrouped", "before": describe(before), "after": describe(after)})
    return changes
