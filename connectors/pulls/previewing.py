"""Testing settings and trying mappings on real rows; nothing is kept."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from common import crypto
from common.http import HttpProblem
from connectors.destinations.errors import DeliveryError
from connectors.imports.contracts import BadMapping, FileMapping
from connectors.imports.mapping import read_mapping
from connectors.imports.reading import as_text
from connectors.imports.services import suggested
from connectors.pulls.contracts import NotPossible, Preview, PreviewRow, Tested
from connectors.pulls.models import Pull
from connectors.pulls.origin import Chunk, Hint, Row, Start
from connectors.pulls.outside import opened
from connectors.pulls.registry import ORIGINS
from connectors.pulls.rows import Judge
from connectors.pulls.secrets import reveal
from connectors.pulls.services import checked

PREVIEW_ROWS = 20
# A kind is guessed better of more rows than are shown.
_SAMPLE = 200


def test_pull(
    *, source_id: int, kind: str, settings: Mapping[str, Any], secrets: Mapping[str, str], now: datetime
) -> Tested:  # fmt: skip
    """Make the cheapest real look with these settings (an empty secret is the kept one). Raises InvalidSettings."""
    row = Pull.objects.filter(source_id=source_id).first()
    try:
        hidden = checked(row, kind, settings, secrets)
        with opened(now=now, account_id=0, settings=settings, secrets=hidden) as (outside, account):
            return Tested(True, ORIGINS[kind].test(outside, account))
    except (DeliveryError, HttpProblem, crypto.CannotDecrypt) as error:
        return Tested(False, str(error))


def preview_pull(
    *, source_id: int, choose: Callable[[Sequence[str]], Mapping[str, Any] | None] = lambda header: None, now: datetime
) -> Preview:
    """The first rows and what they would become by the mapping that `choose` makes for their columns; when it makes
    none, by the kept one or a suggestion. What is wrong with it is in `problems`.

    Raises NotPossible when there is no pull or no row, or rows cannot be read.
    """
    row = Pull.objects.filter(source_id=source_id).first()
    if row is None:
        raise NotPossible("This source has no pull.")
    origin = ORIGINS[row.kind]
    try:
        with opened(now=now, account_id=row.pk, settings=row.settings, secrets=reveal(row)) as (outside, account):
            chunk = next(origin.read(outside, account, Start(most=_SAMPLE)), None)
    except (DeliveryError, HttpProblem, crypto.CannotDecrypt) as error:
        raise NotPossible(str(error)) from error
    if chunk is None:
        raise NotPossible("There is no row yet from which a mapping could be made.")
    header = list(chunk.header)
    chosen = dict(
        choose(header)
        or row.mapping
        or suggest(header, chunk, hint=origin.hint(row.settings), cursor=origin.cursor_column(row.settings))
    )
    try:
        return Preview(header, chosen, _mapped(chunk, read_mapping(chosen, header)), ())
    except BadMapping as wrong:
        return Preview(header, chosen, [PreviewRow(_texts(one), (), "") for one in _first(chunk)], wrong.problems)


def suggest(header: list[str], chunk: Chunk, *, hint: Hint, cursor: str) -> dict[str, Any]:
    """A mapping by the columns' names and what is in them, and by what the origin knows. The cursor goes nowhere: it is
    the time of the item already."""
    made = suggested(header, [row.cells for row in chunk.rows])
    made["columns"] = [
        one for one in made["columns"] if one["to"] == "timestamp" or one["name"].lower() != cursor.lower()
    ]  # fmt: skip
    if hint.rows:
        made |= {"rows": hint.rows, "event": hint.event}
    taken = set(hint.places.values())
    for one in made["columns"]:
        if one["name"] in hint.places:
            one |= {"to": hint.places[one["name"]], "kind": "text"}
        elif hint.rows and (one["to"] in taken or one["to"].partition(".")[0] in ("traits", "properties")):
            one["to"] = f"{'properties' if hint.rows == 'track' else 'traits'}.{one['name'].lower()}"
    return made


def _mapped(chunk: Chunk, mapping: FileMapping) -> list[PreviewRow]:
    judge = Judge(mapping, chunk.header, salt="", keep_who=False)
    shown = []
    for number, row in enumerate(_first(chunk), 1):
        judged = judge(number, row)
        problem = " ".join(dict.fromkeys(one.refusal.detail for one in judged.refused))
        shown.append(PreviewRow(_texts(row), [orjson.loads(one) for one in judged.items], problem))
    return shown


def _first(chunk: Chunk) -> Sequence[Row]:
    return chunk.rows[:PREVIEW_ROWS]


def _texts(row: Row) -> list[str]:
    return [as_text(cell) for cell in row.cells]
