"""Training on the tables of a run: what is fetched for it, and in which order things are learned.

First without frequencies; then aliases of given names; then with the frequencies of entities, for which a first
clustering says who is one: in a base where everybody is there four times every value looks common.
"""

from dataclasses import replace

import numpy as np

from identity.linkage import aliases, clustering, start, thresholds, training
from identity.linkage.bulk import comparing, frequencies, sampling, scoring, screening
from identity.linkage.bulk.engine import Engine
from identity.linkage.levels import Floats
from identity.linkage.model import Model, log_odds, probability
from identity.linkage.training import Candidates, Evidence, Sample

start_rows = start.start_rows
# Pairs that EM looks at; of more a random part, weighed up.
MOST_TRAINED_ON = 800_000
_CERTAIN = 0.99


def keep(engine: Engine, model: Model, *, base: int, table: str = "compared") -> None:
    """Make `kept` of compared pairs: those of patterns that a match or a household could show."""
    patterns = engine.fetch(f"select distinct pattern from {table}")["pattern"]
    logs = model.log_prior(base)[:, None] + training.class_logs(model, comparing.unpack(patterns, model.comparisons))
    wanted = (logs[0] - logs[1] > screening.LEAST_MATCH) | (logs[2] - logs[1] > screening.LEAST_HOUSEHOLD)
    engine.load_rows("wanted", {"pattern": "int"}, [(one,) for one in patterns[wanted].tolist()])
    engine.create("kept", f"select c.l, c.r, c.pattern from {table} c join wanted w on w.pattern = c.pattern")


def learn(engine: Engine, model: Model, *, records: int, across: bool) -> Model:
    """Train on `compared`, and make `kept`, `holders` and `holders_in_all` for the scores."""
    pairs = _all_pairs(engine, records, across=across)
    random, namesakes = _samples(engine, model, records=records, across=across)
    keep(engine, model, base=records)
    model = replace(model, least_base=0)

    def evidence(adjusted: Model | None) -> Evidence:
        return Evidence(records, pairs, _candidates(engine, model, adjusted), random, namesakes)

    model = training.train(model, evidence(None))
    found = _aliases(engine, model, records=records)
    if found:
        model = replace(model, aliases=found)
        apply_aliases(engine, model)
        model = training.train(model, evidence(None))
    frequencies.count_holders(engine, model.terms, entities=None)
    _first_entities(engine, model, records=records)
    frequencies.count_holders(engine, model.terms, entities="entities")
    seen = evidence(model)
    model = training.train(model, seen)
    model = _with_thresholds(model, training.probabilities(model, seen), records)
    return replace(model, trained={**model.trained, "filled": _filled(engine, model, records)})


def _filled(engine: Engine, model: Model, records: int) -> dict[str, float]:
    """The share of records that have each counted column: when that changes, the model is no longer of this base."""
    names = frequencies.columns(model.terms)
    counts = ", ".join(f'count({frequencies.value(name, "r")}) as "{name}"' for name in names)
    found = engine.fetch(f"select {counts} from records r")
    return {name: float(found[name][0]) / max(records, 1) for name in names}


def _all_pairs(engine: Engine, records: int, *, across: bool) -> float:
    if not across:
        return records * (records - 1) / 2
    sizes = engine.fetch("select count(*) as n from records group by source")["n"].astype(float)
    return float((sizes.sum() ** 2 - (sizes**2).sum()) / 2)


def _samples(engine: Engine, model: Model, *, records: int, across: bool) -> tuple[Sample, Sample]:
    sampling.sample_random(engine, records=records, across=across)
    sampling.sample_namesakes(engine, records=records, across=across)
    found = []
    for name in ("random_pairs", "namesakes"):
        engine.compare(name, model.comparisons, f"{name}_compared")
        counted = engine.fetch(f"select pattern, count(*) as n from {name}_compared group by pattern order by pattern")
        found.append(Sample(comparing.unpack(counted["pattern"], model.comparisons), counted["n"].astype(float)))
        engine.drop(name)
        engine.drop(f"{name}_compared")
    return found[0], found[1]


def _candidates(engine: Engine, model: Model, adjusted: Model | None) -> Candidates:
    """What EM sees: all kept pairs, or a random part of them, with what frequencies add where they are known."""
    whole = int(engine.fetch("select count(*) as n from kept")["n"][0])
    every = max(1, -(-whole // MOST_TRAINED_ON))
    part = f"select l, r, pattern from kept where {engine.dialect.modulo('l * 31 + r', every)} = 0"
    if adjusted is None:
        # Without frequencies all pairs of a pattern are alike, so one stands for all.
        found = engine.fetch(f"select pattern, count(*) as n from ({part}) as p group by pattern order by pattern")
        weight = every * found["n"].astype(np.float64)
    else:
        engine.create("part", part)
        found = scoring.fetch_shares(engine, "part", model)
        weight = np.full(len(found["pattern"]), float(every))
    names = {n: f"s_{term.column}" for n, term in enumerate(model.terms)}
    shares = {n: found[name].astype(np.float64) for n, name in names.items() if name in found}
    levels = comparing.unpack(np.unique(found["pattern"]), model.comparisons)
    return training.by_pattern(model, found["pattern"], levels, shares, weight)


def _aliases(engine: Engine, model: Model, *, records: int) -> tuple[tuple[str, str], ...]:
    """Names that people bear who are certain without them."""
    place = model.comparisons.index("given")
    patterns = engine.fetch("select distinct pattern from kept")["pattern"]
    levels = comparing.unpack(patterns, model.comparisons)
    unlike = np.isin(levels[:, place], (3, 4))
    blind = levels.copy()
    blind[:, place] = -1
    blind[:, model.comparisons.index("sex")] = -1
    logs = model.log_prior(records)[:, None] + training.class_logs(model, blind)
    chances = probability(logs[0] - np.logaddexp.reduce(logs[1:], axis=0))
    chosen = patterns[unlike & (chances > _CERTAIN)]
    if not len(chosen):
        return ()
    engine.load_rows("certain", {"pattern": "int"}, [(one,) for one in chosen.tolist()])
    found = engine.fetch(
        """select a.given as x, b.given as y, coalesce(a.surname, '') as surname from kept k
        join certain c on c.pattern = k.pattern join records a on a.id = k.l join records b on b.id = k.r"""
    )
    everybody = int(engine.fetch(_sure_pairs(engine, patterns[chances > _CERTAIN]))["n"][0])
    bearers = engine.fetch("select given, count(*) as n from records where given is not null group by given")
    rows = zip(found["x"].tolist(), found["y"].tolist(), found["surname"].tolist(), strict=True)
    known = zip(bearers["given"].tolist(), bearers["n"].tolist(), strict=True)
    return aliases.learn(rows, known, everybody)


def _sure_pairs(engine: Engine, patterns: object) -> str:
    engine.load_rows("certain", {"pattern": "int"}, [(one,) for one in np.asarray(patterns).tolist()])
    return "select count(*) as n from kept k join certain c on c.pattern = k.pattern"


def apply_aliases(engine: Engine, model: Model) -> None:
    """Let the pairs of names in `model.aliases` count as related, where names were different or similar."""
    comparing.load_aliases(engine, model.aliases)
    comparing.with_aliases(engine, "compared", model.comparisons, "renamed")
    keep(engine, model, table="renamed", base=int(engine.fetch("select count(*) as n from records")["n"][0]))


def _first_entities(engine: Engine, model: Model, *, records: int) -> None:
    """Make `entities (id, entity)` by a first clustering."""
    scoring.score(engine, "kept", model, base=records, name="scored")
    graph = scoring.load_graph(engine, "scored", least=-50.0, model=model)
    cut = log_odds(thresholds.expect(probability(graph.weight)).threshold)
    members = clustering.cluster(graph, cut=cut)
    engine.load_rows("clustered", {"id": "int", "entity": "int"}, list(members.items()))
    engine.create(
        "entities",
        "select r.id, coalesce(c.entity, r.id) as entity from records r left join clustered c on c.id = r.id",
    )
    engine.drop("clustered")


def _with_thresholds(model: Model, chances: Floats, records: int) -> Model:
    """The thresholds of the base itself: links above the best expected F1, questions from a tenth of that."""
    expected = thresholds.expect(chances, records=records)
    trained = {"records": records, "matches": expected.matches, "precision": expected.precision,
               "recall": expected.recall, "supported": expected.supported}  # fmt: skip
    return replace(model, link_above=expected.threshold, review_above=expected.threshold / 5, trained=trained)
