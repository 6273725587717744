"""Given names that are used for one another, learned from people who are certain without them. Pure."""

from collections import defaultdict
from collections.abc import Iterable

# An alias is believed from so many families, and when it is so much more frequent than by chance.
_LEAST_SURNAMES, _LEAST_LIFT = 3, 20.0


def learn(
    certain: Iterable[tuple[str, str, str]], known: Iterable[tuple[str, int]], everybody: int
) -> tuple[tuple[str, str], ...]:
    """Pairs of names, sorted, from (given, given, surname) of pairs that are certain whatever their given names are.

    `certain` are the ones with unlike names of `everybody`, all pairs certain without the name; `known` are all given
    names with the number of their bearers. Two common names meet by chance, for a few of the certain pairs are wrong.
    """
    bearers = dict(known)
    named = max(sum(bearers.values()), 1)
    families: dict[tuple[str, str], set[str]] = defaultdict(set)
    count: dict[tuple[str, str], int] = defaultdict(int)
    for x, y, surname in certain:
        if x != y:
            pair = (x, y) if x < y else (y, x)
            families[pair].add(surname)
            count[pair] += 1
    found = []
    for pair, surnames in families.items():
        by_chance = 2 * everybody * bearers.get(pair[0], 1) / named * bearers.get(pair[1], 1) / named
        if len(surnames) >= _LEAST_SURNAMES and count[pair] >= _LEAST_LIFT * by_chance:
            found.append(pair)
    return tuple(sorted(found))
