"""What describes an item: words for TF-IDF, and tags for the diversity of a list."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from insights.recommendations.models import Item

_WORD = re.compile(r"\w{2,}")
_PARTS = re.compile(r"\s*[|>/;,]\s*")
_AT_ONCE = 20_000


def words_of(name: str, category: str, attributes: Mapping[str, Any]) -> list[str]:
    """The words of an item, each with where it stands: a category is another thing than a word of the name."""
    found = [f"name:{one}" for one in _WORD.findall(name.lower())]
    found += [f"category:{one}" for one in sorted(tags_of(category))]
    for key, value in attributes.items():
        values = value if isinstance(value, list) else [value]
        found += [f"{key}:{str(one).lower()[:100]}" for one in values if isinstance(one, str | int | bool)]
    return found


def tags_of(category: str) -> frozenset[str]:
    """The parts of a category: of “Home > Garden” or “Comedy|Drama” each."""
    return frozenset(one for one in _PARTS.split(category.lower().strip()) if one)


def of_items(item_ids: npt.NDArray[np.int64]) -> tuple[list[list[str]], list[frozenset[str]]]:
    """Words and tags of items with ascending ids."""
    words: list[list[str]] = []
    kinds: list[frozenset[str]] = []
    for start in range(0, len(item_ids), _AT_ONCE):
        some: Sequence[int] = item_ids[start : start + _AT_ONCE].tolist()
        told = {
            row[0]: row[1:]
            for row in Item.objects.filter(pk__in=some).values_list("pk", "name", "category", "attributes")
        }
        for one in some:
            name, category, attributes = told.get(one, ("", "", {}))
            words.append(words_of(name, category, attributes))
            kinds.append(tags_of(category))
    return words, kinds
