"""Names that will be trouble: two of one thing, and casing unlike the others'. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

_WORD = re.compile(r"[A-Za-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def casing(name: str) -> str:
    """`Title Case`, `snake_case`, `camelCase`, `kebab-case`, `lower case` or `other`."""
    for label, pattern in (
        ("Title Case", r"[A-Z0-9][A-Za-z0-9]*( [A-Z0-9][A-Za-z0-9]*)*"), ("snake_case", r"[a-z0-9]+(_[a-z0-9]+)*"),
        ("camelCase", r"[a-z]+[A-Za-z0-9]*"), ("kebab-case", r"[a-z0-9]+(-[a-z0-9]+)+"),
        ("lower case", r"[a-z0-9]+( [a-z0-9]+)+"),
    ):  # fmt: skip
        if re.fullmatch(pattern, name):
            return label
    return "other"


def squashed(name: str) -> str:
    """What is left of a name without casing, spaces and signs: equal for `Order Completed` and `order_completed`."""
    return "".join(_WORD.findall(_CAMEL.sub(" ", name))).lower()


def hints(names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """What to say of each of these names of events, beside all others. Names that begin with `$` are ours."""
    own = sorted({name for name in names if not name.startswith("$")})
    alike: dict[str, list[str]] = defaultdict(list)
    for name in own:
        alike[squashed(name)].append(name)
    usual = Counter(casing(name) for name in own).most_common(1)
    told: dict[str, list[str]] = {name: [] for name in own}
    for name in own:
        others = [one for one in alike[squashed(name)] if one != name]
        if others:
            told[name].append(f"Looks like {', '.join(f'“{one}”' for one in others[:3])}: one event under two names?")
        if usual and len(own) > 2 and usual[0][1] * 2 > len(own) and casing(name) != usual[0][0]:
            told[name].append(f"Most events are written in {usual[0][0]}.")
        if re.search(r"\d{4,}", name):
            told[name].append("A number in a name makes a new event each time: put it into a property.")
    return told
