"""Candidates to comparison levels and frequencies, as SQL.

A pair's levels are packed into one number, its *pattern*, in base `RADIX`; a base of millions has a few thousand
patterns, and whatever depends on the levels alone is computed once for each.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from identity.linkage.bulk import expressions
from identity.linkage.bulk.dialects import Dialect
from identity.linkage.bulk.engine import Engine
from identity.linkage.levels import RADIX, Levels


def pack(levels: Levels) -> npt.NDArray[np.int64]:
    """Patterns of levels, one row a pair."""
    radix = RADIX ** np.arange(levels.shape[1], dtype=np.int64)
    return np.asarray((levels.astype(np.int64) + 1) @ radix)


def unpack(patterns: npt.NDArray[np.int64], comparisons: Sequence[str]) -> Levels:
    """The levels of packed patterns, one column a comparison."""
    columns = []
    rest = patterns.astype(np.int64)
    for _ in comparisons:
        columns.append((rest % RADIX).astype(np.int8) - 1)
        rest = rest // RADIX
    return np.column_stack(columns).astype(np.int8) if len(patterns) else np.empty((0, len(comparisons)), np.int8)


def compare_in_sql(engine: Engine, pairs: str, comparisons: Sequence[str], name: str) -> None:
    """Make the table `name (l, r, pattern)` of the pairs (l, r) of another table."""
    both = f"{pairs} p join records a on a.id = p.l join records b on b.id = p.r"
    engine.create(name, patterns_of(both, comparisons, filled_lists(engine), engine.dialect))


def filled_lists(engine: Engine) -> frozenset[str]:
    """The list columns that hold anything in this base."""
    lists = ", ".join(f"count({name}) as {name}" for name in sorted(engine.dialect.filled))
    return frozenset(name for name, count in engine.fetch(f"select {lists} from records").items() if count[0])


def patterns_of(both: str, comparisons: Sequence[str], filled: frozenset[str], dialect: Dialect) -> str:
    """The query for (l, r, pattern) over pairs `p` with their records `a` and `b`."""
    facts = expressions.level_columns(comparisons, replace(dialect, filled=filled))
    inner = ", ".join(f'{sql} as "{fact}"' for fact, sql in facts.items())
    versions = expressions.versions(comparisons)
    packed = " + ".join(
        f"(coalesce({versions[one]}, -1) + 1) * cast({RADIX**place} as bigint)" for place, one in enumerate(comparisons)
    )
    return f"""select l, r, cast({packed} as bigint) as pattern
        from (select p.l, p.r, {inner} from {both}) as compared"""


def load_aliases(engine: Engine, aliases: Sequence[tuple[str, str]]) -> None:
    """Make `aliases (x, y)`: names that count as related, both ways."""
    engine.load_rows("aliases", {"x": "text", "y": "text"}, [*aliases, *((y, x) for x, y in aliases)])


def with_aliases(engine: Engine, compared: str, comparisons: Sequence[str], name: str) -> None:
    """Make `name` of `compared`: pairs of names in `aliases (x, y)` are related, where they were different or similar.

    A table of its own: a run that dies while it learns aliases must learn them again from what was compared.
    """
    order, dialect = list(comparisons), engine.dialect
    given = order.index("given")
    digit = dialect.digit("c.pattern", given, RADIX)
    moved = []
    for n in (0, 1):
        # The e-mail versions follow the names: what was compared as version k of shared names is of version k + 1 now.
        old, new = order.index(f"email_{n}"), order.index(f"email_{n + 1}")
        level = dialect.digit("c.pattern", old, RADIX)
        moved.append(f"when {level} > 0 then {level} * cast({RADIX**new - RADIX**old} as bigint)")
    engine.scratch(
        name,
        f"""select c.l, c.r, case when n.x is not null and {digit} in (4, 5)
            then c.pattern + (3 - {digit}) * cast({RADIX**given} as bigint) + case {" ".join(moved)} else 0 end
            else c.pattern end as pattern
        from {compared} c join records a on a.id = c.l join records b on b.id = c.r
        left join aliases n on n.x = a.given and n.y = b.given""",
    )
