"""Counting letters first spares measuring, and changes no answer."""

import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.linkage import columns
from identity.linkage.bulk.dialects import DUCKDB
from identity.linkage.bulk.duck import DuckEngine
from identity.linkage.bulk.expressions import _begins, alike, slip
from identity.linkage.cleaning import clean_street

WORDS = [
    "mary",
    "katherine",
    "jo",
    "strettell harrison",
    "van der berg",
    "45402",
    "chestnut street",
    "юлия",
    "łoś",
    "李",
]


def mistaken(rng: random.Random, word: str) -> str:
    """A word with up to four slips, or another one."""
    letters = list(rng.choice(WORDS) if rng.random() < 0.1 else word)
    for _ in range(rng.randint(0, 4)):
        place, kind = rng.randrange(len(letters)), rng.randrange(4)
        if kind == 0:
            letters[place] = rng.choice("aemy40 ś")
        elif kind == 1:
            letters.insert(place, rng.choice("aemy40 ś"))
        elif kind == 2 and len(letters) > 1:
            del letters[place]
        elif place:
            letters[place - 1 : place + 1] = letters[place], letters[place - 1]
    return "".join(letters)


@pytest.mark.parametrize(
    "measure",
    [lambda a, b: slip(a, b, DUCKDB), lambda a, b: _begins(a, b, DUCKDB)]
    + [lambda a, b, limit=limit: alike(a, b, limit, DUCKDB) for limit in (0.8, 0.85, 0.88, 0.9, 0.92)],
)
def test_what_is_alike_is_alike_with_letters_counted_and_without(tmp_path: Path, measure) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(7)
    pairs = [(word, mistaken(rng, word)) for word in rng.choices(WORDS, k=20_000)]
    engine = DuckEngine(tmp_path, threads=1)
    for side, texts in zip("ab", zip(*pairs, strict=True), strict=True):
        held = pa.array(texts, pa.string())
        table = {"id": range(len(pairs)), "given": held, "given_letters": columns.letters(held), "plain": held}
        engine.load_arrow(f"side_{side}", pa.table(table))
    counted, plain = measure("a.given", "b.given"), measure("a.plain", "b.plain")
    assert "given_letters" in counted
    found = engine.fetch(
        f"""select count(*) filter (({counted}) is distinct from ({plain})) as differing,
            count(*) filter ({plain}) as alike, count(*) as n from side_a a join side_b b on b.id = a.id"""
    )
    engine.close()
    assert found["differing"][0] == 0
    assert 1_000 < found["alike"][0] < found["n"][0]


def test_letters_are_those_of_each_text_also_of_a_slice() -> None:
    texts = pa.array(["xx", "", None, "ab", "ba", "abc", "ł", None], pa.string())
    numbers = columns.letters(texts).to_pylist()
    assert [number is None for number in numbers] == [not text for text in texts.to_pylist()]
    assert numbers[3] & columns.LETTERS == numbers[4] & columns.LETTERS != numbers[5] & columns.LETTERS
    assert numbers[3] & columns.FIRST == numbers[5] & columns.FIRST != numbers[4] & columns.FIRST
    assert columns.letters(texts[3:6]).to_pylist() == numbers[3:6]


@given(st.integers(0, 999), st.lists(st.sampled_from(["Main", "st", "Apt", "no", "B", "x", "Drive"]), max_size=4))
def test_a_street_of_plain_words_is_cleaned_as_any_other(number: int, words: list[str]) -> None:
    plain = f"{number} {' '.join(words)}"
    assert clean_street(plain, "") == clean_street(f"{plain}  ", "")
