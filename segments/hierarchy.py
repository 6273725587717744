"""Rules that refer to other segments: each reference is replaced by the rule it refers to. Pure.

So a member of the parent enters the child in the same evaluation and the same version, timers included, and nothing
has to be evaluated in an order.
"""

from collections.abc import Iterator, Mapping

from segments.parsing import MAX_CONDITIONS, Problem, RuleError
from segments.rules import All, AnyOf, InSegment, Node, Not, leaves

# Of a rule with all that it refers to.
MOST_CONDITIONS = 4 * MAX_CONDITIONS


def references(rule: Node) -> set[str]:
    """The slugs of the segments that a rule refers to itself."""
    return {leaf.segment for leaf in leaves(rule) if isinstance(leaf, InSegment)}


def expanded(rule: Node, rules: Mapping[str, Node], *, slug: str = "") -> Node:
    """The rule with the rules of other segments in the places where it refers to them. `slug`: its own, if it has one.

    Raises:
        RuleError: it refers to a segment that is not live, to itself over any detour, or to too many conditions.
    """
    found = _expanded(rule, rules, (slug,) if slug else ())
    if sum(1 for _ in leaves(found)) > MOST_CONDITIONS:
        text = f"With the segments it refers to the rule has more than {MOST_CONDITIONS} conditions. Refer to fewer."
        raise RuleError(Problem("", text))
    return found


def _expanded(node: Node, rules: Mapping[str, Node], path: tuple[str, ...]) -> Node:
    match node:
        case All(children):
            return All(tuple(_expanded(child, rules, path) for child in children))
        case AnyOf(children):
            return AnyOf(tuple(_expanded(child, rules, path) for child in children))
        case Not(child):
            return Not(_expanded(child, rules, path))
        case InSegment(slug):
            if slug in path:
                circle = " → ".join((*path[path.index(slug) :], slug))
                raise RuleError(Problem("", f"Segments cannot refer to each other in a circle: {circle}."))
            if slug not in rules:
                raise RuleError(Problem("", f"There is no live segment {slug}."))
            return _expanded(rules[slug], rules, (*path, slug))
        case _:
            return node


def dependents(slug: str, rules: Mapping[str, Node]) -> list[str]:
    """The segments that refer to this one, themselves or over others, nearest first."""
    return list(_dependents(slug, rules))


def _dependents(slug: str, rules: Mapping[str, Node]) -> Iterator[str]:
    seen, waiting = {slug}, [slug]
    while waiting:
        current = waiting.pop(0)
        for other, rule in rules.items():
            if other not in seen and current in references(rule):
                seen.add(other)
                waiting.append(other)
                yield other
