"""The model's weights of compared pairs, as SQL: what depends on the levels is looked up, frequencies are added."""

from collections.abc import Sequence

import numpy as np

from identity.linkage.bulk import frequencies
from identity.linkage.bulk.comparing import RADIX, load_aliases, unpack, with_aliases
from identity.linkage.bulk.dialects import Dialect, number
from identity.linkage.bulk.engine import Columns, Engine
from identity.linkage.clustering import Graph
from identity.linkage.levels import CLASSES, LEVELS, Term, field_of
from identity.linkage.model import Model, Scored
from identity.linkage.training import class_logs

_NAMES = ("m", "n", "h", "t", "j", "lodgers")


def score(engine: Engine, compared: str, model: Model, *, base: int, name: str) -> None:
    """Make `name (l, r, pattern, weight)` of `compared (l, r, pattern)`, weights in nats.

    Needs `holders` and `holders_in_all`. Pairs of a pattern that `keep_patterns` dropped are not in `compared`.
    """
    load_pattern_logs(engine, compared, model, base=base)
    shares = frequencies.shares(model)
    columns = ", ".join(f'{sql} as "s_{column}"' for column, sql in shares.items())
    added = {letter: _added(engine.dialect, model, letter) for letter in CLASSES}
    totals = ", ".join(f"p.{alias} + {added[letter]} as {alias}" for alias, letter in zip(_NAMES, CLASSES, strict=True))
    most = f"greatest({', '.join(_NAMES[1:])})"
    rivals = " + ".join(f"exp({alias} - {most})" for alias in _NAMES[1:])
    engine.create(
        name,
        f"""select l, r, pattern, m - {most} - ln({rivals}) as weight from (
            select s.l, s.r, s.pattern, {totals} from (
                select c.l, c.r, c.pattern, {columns} from {compared} c
                join records a on a.id = c.l join records b on b.id = c.r
                join holders ha on ha.id = c.l join holders hb on hb.id = c.r cross join holders_in_all t
            ) as s join pattern_logs p on p.pattern = s.pattern) as summed""",
    )


def load_graph(engine: Engine, table: str, *, least: float, model: Model | None = None) -> Graph:
    """The scored pairs above a weight; to cluster them, with those that contradict each other under a model."""
    conflict = "false"
    if model and model.conflict:
        column, level = model.conflict
        conflict = f"{engine.dialect.digit('pattern', column, RADIX)} = {level + 1}"
    found = engine.fetch(
        f"select l, r, weight, {conflict} as conflict from {table} where weight > {least} order by l, r"
    )
    return Graph(found["l"], found["r"], found["weight"], found["conflict"].astype(bool))


def load_pattern_logs(engine: Engine, compared: str, model: Model, *, base: int) -> None:
    """Make `pattern_logs`: for each pattern the log of each class's share of all pairs."""
    patterns = engine.fetch(f"select distinct pattern from {compared}")["pattern"]
    logs = model.log_prior(base)[:, None] + class_logs(model, unpack(patterns, model.comparisons))
    types = {"pattern": "int"} | dict.fromkeys(_NAMES, "double")
    rows = list(zip(patterns.tolist(), *(row.tolist() for row in np.asarray(logs)), strict=True))
    engine.load_rows("pattern_logs", types, rows)


def _added(dialect: Dialect, model: Model, letter: str) -> str:
    """What frequencies add to a class: the log share in the place of the average chance."""
    parts = ["0e0"]
    for term in model.terms:
        if letter in term.classes:
            usual = float(model.tables[term.comparison][CLASSES.index(letter), term.level])
            share = f's."s_{term.column}"'
            parts.append(f"case when {_agrees(dialect, model, term)} then {share} - ({number(usual)}) else 0e0 end")
    return " + ".join(parts)


def _agrees(dialect: Dialect, model: Model, term: Term) -> str:
    """Whether a pair agrees on a value whose frequency is known."""
    place = model.comparisons.index(term.comparison)
    digit = dialect.digit("s.pattern", place, RADIX)
    return f'{digit} = {term.level + 1} and s."s_{term.column}" is not null'


def compare_named(engine: Engine, pairs: str, model: Model, name: str) -> None:
    """Make `name (l, r, pattern)` of pairs, with the aliases of given names that the model has learned."""
    engine.compare(pairs, model.comparisons, f"{name}_raw")
    load_aliases(engine, model.aliases)
    with_aliases(engine, f"{name}_raw", model.comparisons, name)
    engine.drop(f"{name}_raw")


def score_in_memory(engine: Engine, pairs: Sequence[tuple[int, int]], model: Model, *, base: int) -> Scored:
    """The scores of a few pairs, in the given order, with what every fact contributes: for evidence that is kept."""
    engine.load_rows("asked", {"l": "int", "r": "int"}, pairs)
    compare_named(engine, "asked", model, "asked_compared")
    found = fetch_shares(engine, "asked_compared", model)
    place = {(int(a), int(b)): row for row, (a, b) in enumerate(zip(found["l"], found["r"], strict=True))}
    rows = np.array([place[pair] for pair in pairs], dtype=np.int64)
    shares = {n: found[f"s_{term.column}"][rows].astype(np.float64) for n, term in enumerate(model.terms)}
    return model.score(unpack(found["pattern"][rows], model.comparisons), shares, base=base)


def fetch_shares(engine: Engine, compared: str, model: Model) -> Columns:
    """Compared pairs (l, r, pattern) with the log share of each value they agree on, as `s_` and the column."""
    chosen = [f'{sql} as "s_{column}"' for column, sql in frequencies.shares(model).items()]
    return engine.fetch(
        f"""select c.l, c.r, c.pattern, {", ".join(chosen)} from {compared} c
        join records a on a.id = c.l join records b on b.id = c.r
        join holders ha on ha.id = c.l join holders hb on hb.id = c.r cross join holders_in_all t
        order by c.l, c.r"""
    )


def weigh(engine: Engine, scored: str, model: Model, *, name: str) -> None:
    """Make `name` of scored pairs: probability, weight in bits, and for each comparison level and bits.

    The bits of a comparison are those of one person against strangers; the weight is against every other explanation,
    so with households about it is less than their sum.
    """
    shares = frequencies.shares(model)
    inner = ", ".join(f'{sql} as "s_{column}"' for column, sql in shares.items())
    parts = ", ".join(_comparison_columns(engine.dialect, model, place) for place in range(len(model.comparisons)))
    engine.create(
        name,
        f"""select l, r, 1 / (1 + exp(-weight)) as probability, weight / ln(2) as weight, {parts} from (
            select c.l, c.r, c.pattern, c.weight, {inner} from {scored} c
            join records a on a.id = c.l join records b on b.id = c.r
            join holders ha on ha.id = c.l join holders hb on hb.id = c.r cross join holders_in_all t) as s""",
    )


def _comparison_columns(dialect: Dialect, model: Model, place: int) -> str:
    comparison = model.comparisons[place]
    digit = dialect.digit("s.pattern", place, RADIX)
    words = " ".join(f"when {n + 1} then '{word}'" for n, word in enumerate(LEVELS[field_of(comparison)]))
    table = (model.tables[comparison][0] - model.tables[comparison][1]) / np.log(2)
    bits = " ".join(f"when {n + 1} then {number(float(value))}" for n, value in enumerate(table))
    whole = f"case {digit} {bits} end"
    for term in model.terms:
        if term.comparison == comparison:
            match = float(model.tables[comparison][0, term.level])
            rare = f'({number(match)} - s."s_{term.column}") / ln(2)'
            whole = f"case when {_agrees(dialect, model, term)} then {rare} else {whole} end"
    return f'case {digit} {words} end as "{comparison}", {whole} as "{comparison} bits"'
