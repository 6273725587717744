"""How many others hold a value, as SQL: frequencies of people, not of their records."""

from collections.abc import Sequence

from identity.linkage import start
from identity.linkage.bulk.dialects import number
from identity.linkage.bulk.engine import Engine
from identity.linkage.levels import Term
from identity.linkage.model import Model

_SINGLE = {"emails": "email", "phones": "phone", "numbers": "number"}


def value(column: str, alias: str) -> str:
    """The value of a record that is counted; of several its first."""
    return f'{alias}."{_SINGLE.get(column, column)}"'


def columns(terms: Sequence[Term]) -> list[str]:
    """The columns whose values are counted, each once."""
    return list(dict.fromkeys(term.column for term in terms))


def count_holders(engine: Engine, terms: Sequence[Term], *, entities: str | None) -> None:
    """Make `holders`: for each record the number of holders of each of its values, and of holders of any value.

    `entities (id, entity)` names who belongs together; without it every record is somebody of his own.
    """
    known = f"join {entities} e on e.id = r.id" if entities else ""
    who = "e.entity" if entities else "r.id"
    counted: list[str] = []
    for column in columns(terms):
        held = value(column, "r")
        many = f"count(distinct {who})" if entities else "count(*)"
        engine.scratch(
            f"counts_{len(counted)}",
            f"select {held} as v, {many} as n from records r {known} where {held} is not null group by {held}",
        )
        counted.append(column)
    joins = " ".join(f"left join counts_{n} c{n} on c{n}.v = {value(column, 'r')}" for n, column in enumerate(counted))
    held = ", ".join(f"c{n}.n as n{n}" for n in range(len(counted)))
    engine.create("holders", f"select r.id, {who} as entity, {held} from records r {known} {joins}")
    totals = ", ".join(
        f"(select count(distinct {who}) from records r {known} where {value(column, 'r')} is not null) as t{n}"
        for n, column in enumerate(counted)
    )
    engine.create("holders_in_all", f"select {totals}")
    for n in range(len(counted)):
        engine.drop(f"counts_{n}")


def shares(model: Model) -> dict[str, str]:
    """An expression for the log share of the others who hold what a pair agrees on, by column: `model.log_share`.

    Over `a`, `b` (records), `ha`, `hb` (holders) and `t` (holders_in_all). The two themselves are no others.
    """
    found = {}
    for n, column in enumerate(columns(model.terms)):
        others = f"ha.n{n} - case when ha.entity = hb.entity then 1 else 2 end"
        same = f"{value(column, 'a')} = {value(column, 'b')}"
        filled = f"greatest({model.least_base} - t.t{n}, 0)"
        usual = start.usual_share(column)
        share = f"(greatest({others}, 5e-1) + {filled} * {number(usual)}) / greatest(t.t{n} + {filled}, 1)"
        found[column] = f"case when {same} then ln({share}) end"
    return found
