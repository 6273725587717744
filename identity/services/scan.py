"""Walk over all components in whole pieces: for the rebuild and the shadow run of a policy."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from common import pg
from identity.policy import Policy
from identity.services import regroup, statements

Ids = npt.NDArray[np.int64]
PIECE = 20_000

_ALL = "select id, component_id, profile_id, (quarantine <> '')::int::bigint from identity_identifier"
_PAIRS = "select distinct a, b from identity_link where retracted_at is null"


def read_columns(cursor: psycopg.Cursor[Any], query: str, count: int) -> Ids:
    """The `bigint` columns of a query as one array, a row each: aggregated by the server, no Python object a value."""
    names = [f"c{n}" for n in range(count)]
    columns = ", ".join(f"array_send(array_agg({name}))" for name in names)
    statement = f"select {columns} from ({query}) as q ({', '.join(names)})"
    (row,) = cursor.execute(statement, binary=True).fetchall()
    return np.column_stack([pg.int8_array(column) for column in row])


def labels(count: int, a: Ids, b: Ids) -> Ids:
    """The least index of each node's connected component, by hooking and pointer jumping."""
    label = np.arange(count, dtype=np.int64)
    while True:
        low = np.minimum(label[a], label[b])
        if np.array_equal(low, label[a]) and np.array_equal(low, label[b]):
            return label
        np.minimum.at(label, label[a], low)
        np.minimum.at(label, label[b], low)
        while True:
            jumped = label[label]
            if np.array_equal(jumped, label):
                break
            label = jumped


def linked_pieces(ids: Ids, pairs: Ids, piece: int = PIECE) -> Iterator[Ids]:
    """The ids that have links, in pieces of about `piece` that hold whole components.

    Components here follow every active link, also those of quarantined identifiers, so whatever the policy decides
    about a link, both its ends are in one piece.
    """
    if not len(pairs):
        return
    ids = np.sort(ids)
    ends = np.searchsorted(ids, pairs)
    linked = np.unique(ends)
    label = labels(len(ids), ends[:, 0], ends[:, 1])[linked]
    order = np.argsort(label, kind="stable")
    linked, label = linked[order], label[order]
    starts = np.flatnonzero(np.r_[True, label[1:] != label[:-1]])
    start = 0
    while start < len(linked):
        following = starts[starts >= min(start + piece, len(linked))]
        stop = int(following[0]) if len(following) else len(linked)
        yield ids[linked[start:stop]]
        start = stop


def scan(conn: psycopg.Connection[Any], policy: Policy) -> Iterator[tuple[list[regroup.Member], regroup.Changes]]:
    """Every identifier that is linked or stands wrong, with what the policy would change. Writes nothing."""
    cursor = psycopg.Cursor(conn)
    everybody = read_columns(cursor, _ALL, 4)
    pairs = read_columns(cursor, _PAIRS, 2)
    ids = everybody[:, 0]
    for piece in linked_pieces(ids, pairs):
        yield _decide_piece(cursor, piece, policy)
    unlinked = ~np.isin(ids, pairs)
    astray = unlinked & ((everybody[:, 1] != ids) | (everybody[:, 2] != ids) | (everybody[:, 3] != 0))
    wrong = ids[astray]
    for start in range(0, len(wrong), PIECE):
        yield _decide_piece(cursor, wrong[start : start + PIECE], policy)


def _decide_piece(
    cursor: psycopg.Cursor[Any], ids: Ids, policy: Policy
) -> tuple[list[regroup.Member], regroup.Changes]:
    rows = cursor.execute(statements.STANDING, {"ids": pg.int8s(ids)}).fetchall()
    members = [regroup.Member._make((*row, True)) for row in rows]
    around = regroup.load_around(cursor, [member.id for member in members])
    return members, regroup.decide(members, around, policy)
