"""Predictions on public data, by the product's own way: files taken in, profiles, features as of a cut-off, training,
scores. Tables without times come as one event a row, and what is predicted as a later event of whom it befell."""

import csv
import gzip
import io
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kit.files import take_in
from kit.report import Report
from kit.services import fresh_services, isolated

_TABLES = {
    "telco": ("telco_churn.csv.gz", "Churn", "Yes", {"customerID"}, {"SeniorCitizen"}),
    "bank": ("bank_marketing_full.csv.gz", "y", "yes", {"duration"}, set()),
    "shoppers": (
        "online_shoppers_intention.csv.gz", "Revenue", "1", set(),
        {"Month", "OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType", "Weekend"},
    ),
}  # fmt: skip
_SNAPSHOT, _OUTCOME = timedelta(days=35), timedelta(days=20)


def report_predictions(report: Report, folder: str) -> None:
    """Every bar of predictions, a process and servers of its own for each data set."""
    telco = isolated(_table, folder, "telco")
    told = telco["random"]
    report.row("Telco churn: AUC of the hold-out", told["auc"], "", least=0.843)
    report.row("Telco churn: AUC in 5-fold validation", told["validation"], "", least=0.846)
    report.row("Telco churn: Brier", told["brier"], "", most=0.137)
    report.row("Telco churn: ECE", told["ece"], "", most=0.03)
    report.row("Telco churn: lift of the first tenth", told["lift"], "")
    report.row("Telco churn: AUC of the logistic model alone", told["logistic"], "", most=told["auc"] + 0.01)
    report.row("Telco churn: selection by gender, lowest to highest", telco["fairness"]["gender"], "", least=0.8)
    report.row("Telco churn: selection by SeniorCitizen (fails 4/5)", telco["fairness"]["SeniorCitizen"], "", most=0.8)
    report.row("Telco churn: people scored by a run, traits written", telco["scored"], "people", least=7043)
    report.row("Telco churn: batch beside single scores, greatest difference", telco["parity"], "", most=1e-6)
    report.row("effects add up to the margin, greatest difference", telco["additivity"], "", most=1e-4)
    report.row("scores, of processor time", telco["speed"], "profiles/s", least=50_000)
    report.row("one score with its reasons, model call, p50", telco["single"], "ms", most=5)
    report.row("one score, the whole request, p50 of processor time", telco["request"], "ms", most=100)
    _report_others(report, folder)


def _report_others(report: Report, folder: str) -> None:
    bank = isolated(_table, folder, "bank")
    report.row("Bank marketing, random split: AUC", bank["random"]["auc"], "", least=0.77)
    report.row("Bank marketing, random split: PR-AUC", bank["random"]["pr_auc"], "")
    report.row("Bank marketing, split by time: AUC", bank["time"]["auc"], "")
    report.row("Bank marketing, split by time: ECE", bank["time"]["ece"], "")
    for name, psi in bank["drift"].items():
        report.row(f"Bank marketing, drift of {name}: PSI, raises an alarm", psi["psi"], "", least=0.1)
        report.row(f"alarm of {name}", float(psi["alarm"]), "", least=1)
    report.row("Bank marketing, random halves: alarms", bank["false_alarms"], "", most=0)
    report.row("Bank marketing, previous beside its spike: PSI", bank["spike"], "", least=1)
    learned = bank["online"]
    report.row("Bank marketing, learned online in 500s: AUC", learned["online"], "", least=0.76)
    report.row(
        "Bank marketing, beside it fitted anew every 5,000: AUC", learned["retrained"], "", most=learned["online"]
    )
    report.row("Bank marketing, beside it never fitted again: AUC", learned["frozen"], "")
    report.row("Bank marketing, learned online: ECE", learned["ece"], "", most=0.05)
    report.row("Bank marketing, learned online: batches refused", learned["refused"], "batches")
    shoppers = isolated(_table, folder, "shoppers")
    report.row("Online shoppers: AUC in 5-fold validation", shoppers["random"]["validation"], "", least=0.93)
    report.row("Online shoppers without PageValues: AUC", shoppers["without"]["validation"], "", least=0.78)
    retail = isolated(_retail, folder)
    report.row("Online Retail II, buy in 60 days: people of the hold-out", retail["buy"]["people"], "people")
    report.row("Online Retail II, buy in 60 days: AUC", retail["buy"]["auc"], "", least=0.705)
    report.row("Online Retail II, buy in 60 days: Brier", retail["buy"]["brier"], "", most=0.225)
    report.row("Online Retail II, churn in 60 days of the active: AUC", retail["churn"]["auc"], "", least=0.71)


def _table(folder: str, name: str) -> dict[str, Any]:
    """One table taken in as files; a model of it on the splits of the published figures, and by the product's run."""
    file, label, yes, left_out, texts = _TABLES[name]
    with gzip.open(Path(folder) / file, "rt") as opened:
        rows = list(csv.DictReader(opened))
    with fresh_services():
        import numpy as np
        from sklearn.model_selection import train_test_split

        from common import clock
        from insights.contracts import OrderSetting, PredictionSpec
        from insights.predictions.sets import read_set

        now = clock.now()
        kinds = _kinds(rows, {label, *left_out}, texts)
        sources = [_take_in(_told(rows, kinds, now), kinds), _take_in(_befell(rows, label, yes, now), {})]
        names = _declared(kinds, sources, now)
        spec = {"event": "Befell", "days": 30, "features": list(names.values())}
        orders = OrderSetting.from_json({"history_sources": sources})
        found = read_set(PredictionSpec.from_json(spec), spec["features"], as_of=now, orders=orders)
        place = _places(found.people)
        held = np.zeros(len(rows), dtype=bool)
        size = 0.3 if name == "bank" else 0.2
        truth = np.array([float(row[label] == yes) for row in rows])
        held[train_test_split(np.arange(len(rows)), test_size=size, stratify=truth, random_state=42)[1]] = True
        told: dict[str, Any] = {"random": _figures(found, held[place])}
        if name == "telco":
            told |= _telco(found, held[place], spec, names)
        if name == "bank":
            told |= _bank(found, place, names)
        if name == "shoppers":
            less = {column: one for column, one in found.columns.items() if column != names["PageValues"]}
            told["without"] = _figures(found, held[place], columns=less)
        return told


def _declared(kinds: dict[str, str], sources: list[int], now: datetime) -> dict[str, str]:
    """A feature for each column; answers its name by that of the column."""
    from insights import services

    services.keep_setting({"history_sources": sources}, by="bench", now=now)
    names = {column: f"c_{place}" for place, column in enumerate(kinds)}
    for column, kind in kinds.items():
        services.declare_feature(
            name=names[column], measure="mean" if kind == "number" else "latest", event="Told", property=column,
            title=column, by="bench", now=now,
        )  # fmt: skip
    return names


def _bank(found: Any, place: Any, names: dict[str, str]) -> dict[str, Any]:
    """The split by time (rows are in the order of time), and drift beside the first of them."""
    import numpy as np

    from insights.predictions import drift

    share = place / len(place)
    columns = {column: found.columns[name] for column, name in names.items()}

    def beside(column: Any, before: Any, after: Any) -> dict[str, Any]:
        return drift.compare(drift.reference(_of(column, before)), _of(column, after))

    half = np.random.default_rng(1).random(len(place)) < 0.5
    moved = ("contact", "poutcome", "job", "housing", "age")
    return {
        "time": _figures(found, share >= 0.7),
        "drift": {one: beside(columns[one], share < 0.4, share >= 0.8) for one in moved},
        "spike": beside(columns["previous"], share < 0.4, share >= 0.8)["psi"],
        "online": _online(found, place),
        "false_alarms": sum(beside(one, half, ~half)["alarm"] for one in columns.values()),
    }


def _telco(found: Any, held: Any, spec: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    import numpy as np

    from common import clock
    from insights import selectors
    from insights.models import PredictionModel
    from insights.predictions import computing, fairness, training

    made = training.train(found, seed=42, held=held)
    scores = made.model.score(made.rows[held])
    groups = {
        name: fairness.report(found.truth[held], scores, _of(found.columns[names[name]], held), share=0.25)["ratio"]
        for name in ("gender", "SeniorCitizen")
    }
    now = clock.now()
    written = _by_runs(spec, now)
    version = PredictionModel.objects.get()
    some = sorted(written)[:1000]
    single = selectors.score_profiles("churn", some, now=now, explained=False) or []
    parity = max(abs(one.score - written[one.profile_id]) for one in single)
    table, _, effects = computing.scores_of(version, some, as_of=now)
    model = computing.fitted(version)
    rows = model.rows(table.columns, len(table))
    columns = {
        name: np.tile(one, 200) if isinstance(one, np.ndarray) else [*one] * 200 for name, one in table.columns.items()
    }
    began = time.process_time()
    model.score(model.rows(columns, 200 * len(table)))
    speed = 200 * len(table) / (time.process_time() - began)
    times = []
    for place in range(300):
        began = time.perf_counter()
        model.score(rows[place : place + 1])
        model.effects(rows[place : place + 1])
        times.append(1000 * (time.perf_counter() - began))
    return {
        "fairness": groups, "scored": len(written), "parity": parity, "speed": speed,
        "single": statistics.median(times), "request": _request(some),
        "additivity": float(np.abs(effects.sum(axis=1) - model.scorer.margin(rows)).max()),
    }  # fmt: skip


def _request(people: list[int]) -> float:
    """Milliseconds of processor time of this process for one score with reasons by the API, the median of 60."""
    from django.test import Client

    from common import access

    text, _ = access.create_token(name="bench", scopes=["profiles:read"])
    client, times = Client(headers={"Authorization": f"Bearer {text}"}), []
    for place in range(60):
        began = time.process_time()
        answer = client.post(
            "/api/v1/predictions/churn/score", {"profiles": [str(people[place])]}, content_type="application/json"
        )
        times.append(1000 * (time.process_time() - began))
        if answer.status_code != 200:
            raise SystemExit(answer.content.decode())
    return statistics.median(times)


def _online(found: Any, place: Any) -> dict[str, float]:
    """Bank marketing in the order of time, test then train in 500s after the first 5,000: a model that learns online,
    one that is fitted anew every 5,000 rows to all before, and one that never is."""
    import numpy as np

    from insights.predictions import encoding, learners, metrics, online

    order = np.argsort(place, kind="stable")
    first = order[:5_000]
    encoder = encoding.learn(encoding.taken(found.columns, first), found.people[first])
    rows = encoder(found.columns, len(found))
    state = online.begin(encoder, rows[first], found.truth[first])
    logistic = learners.Candidate("logistic", (("C", 0.1),))
    frozen = retrained = state.model.scorer
    scores: dict[str, list[Any]] = {"online": [], "frozen": [], "retrained": []}
    for at in range(5_000, len(order), 500):
        some = order[at : at + 500]
        if at % 5_000 == 0:
            retrained, _ = learners.fit(logistic, rows[order[:at]], found.truth[order[:at]], seed=0)
        beside = 1 / (1 + np.exp(-frozen.margin(rows[some])))
        for name, margins in (("frozen", frozen.margin(rows[some])), ("retrained", retrained.margin(rows[some]))):
            scores[name].append(1 / (1 + np.exp(-margins)))
        told = encoding.taken(found.columns, some)
        mine = state.model.rows(told, len(some))
        scores["online"].append(state.model.score(mine))
        after = online.step(state, mine, found.truth[some], beside, may_serve=True)
        state = after if after.rejected > state.rejected else online.grow(after, told, found.people[some])
    truth = found.truth[order[5_000:]]
    told = {name: metrics.roc_auc(truth, np.concatenate(one)) for name, one in scores.items()}
    return {
        **told, "ece": metrics.ece(truth, np.concatenate(scores["online"])), "refused": float(state.rejected),
        "loss": metrics.log_loss(truth, np.concatenate(scores["online"])),
    }  # fmt: skip


def _by_runs(spec: dict[str, Any], now: datetime) -> dict[int, float]:
    """Trained and scored as the product does it; answers the traits."""
    from cdp.pipeline.follow import follow_moves
    from common import pg
    from insights import services
    from insights.models import Run

    services.keep_prediction(slug="churn", name="Churn", spec=spec, by="bench", now=now)
    for kind in ("training", "scoring"):
        services.request_run(kind=kind, slug="churn", by="bench", now=now)
        services.run_waiting(now=now, after=follow_moves)
    errors = [run.error for run in Run.objects.all() if run.error]
    if errors:
        raise SystemExit(errors[0])
    query = (
        "select profile_id, (traits ->> 'prediction_churn')::float8 from identity_trait"
        " where traits ->> 'prediction_churn' is not null"
    )
    return dict(pg.raw().execute(query).fetchall())


def _retail(folder: str) -> dict[str, Any]:
    """Repeat purchases: windows of 60 days that end on 30 November 2010, the newest held out."""
    with fresh_services():
        from insights import services
        from insights.contracts import OrderSetting, PredictionSpec
        from insights.predictions import training
        from insights.predictions.sets import names_of, read_set
        from kit.retail import take_in_retail

        source, _ = take_in_retail(Path(folder))
        setting = {
            "amount": ["price"], "quantity": "quantity", "lines": True, "cancel_event": "", "currency": "",
            "refund_event": "Line Returned", "history_sources": [source],
        }  # fmt: skip
        as_of = datetime(2010, 11, 30, tzinfo=UTC)
        services.keep_setting(setting, by="bench", now=as_of)
        orders, told = OrderSetting.from_json(setting), {}
        for name, more in (("buy", {}), ("churn", {"goal": "does_not", "active_days": 90})):
            spec = PredictionSpec.from_json({"event": "Order Completed", "days": 60, **more})
            names, _ = names_of(spec, as_of=as_of, orders=orders)
            made = training.train(read_set(spec, names, as_of=as_of, orders=orders), seed=42)
            told[name] = {**made.figures["holdout"], "kind": made.figures["kind"], "split": made.figures["split"]}
        return told


def _figures(found: Any, held: Any, columns: Any = None) -> dict[str, Any]:
    from insights.predictions import training

    if columns is not None:
        found = training.TrainingSet(found.people, found.starts, found.ends, found.truth, columns)
    told = training.train(found, seed=42, held=held).figures
    logistic = max(one["auc"] for one in told["trials"] if one["kind"] == "logistic regression")
    return {
        **{name: told["holdout"][name] for name in ("auc", "pr_auc", "brier", "ece")}, "kind": told["kind"],
        "lift": told["holdout"]["deciles"][0]["lift"], "validation": told["validation"]["auc"], "logistic": logistic,
    }  # fmt: skip


def _kinds(rows: Sequence[dict[str, str]], left_out: set[str], texts: set[str]) -> dict[str, str]:
    return {
        name: "text" if name in texts or not all(_number(row[name]) for row in rows) else "number"
        for name in rows[0]
        if name not in left_out
    }


def _number(text: str) -> bool:
    try:
        float(text or 0) if text.strip() else 0.0
    except ValueError:
        return False
    return True


def _told(rows: Sequence[dict[str, str]], kinds: dict[str, str], now: datetime) -> bytes:
    at = (now - _SNAPSHOT).isoformat()
    return _csv([{"user": f"r{n}", "at": at, "event": "Told", **{k: row[k].strip() for k in kinds}}
                 for n, row in enumerate(rows)])  # fmt: skip


def _befell(rows: Sequence[dict[str, str]], label: str, yes: str, now: datetime) -> bytes:
    at = (now - _OUTCOME).isoformat()
    return _csv([{"user": f"r{n}", "at": at, "event": "Befell"} for n, row in enumerate(rows) if row[label] == yes])


def _csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _take_in(content: bytes, kinds: dict[str, str]) -> int:
    event = "Told" if kinds else "Befell"
    columns = [
        {"name": "user", "to": "identifiers.user_id"}, {"name": "at", "to": "timestamp"},
        *({"name": name, "to": f"properties.{name}", **({"kind": "number"} if kind == "number" else {})}
          for name, kind in kinds.items()),
    ]  # fmt: skip
    mapping = {"rows": "track", "event": event, "columns": columns}
    return take_in(f"File {len(content)}", content, mapping)[0]


def _places(people: Any) -> Any:
    """Which row of the file each person is."""
    import numpy as np

    from common import pg

    found = dict(
        pg.raw().execute("select profile_id, substr(value, 2)::int from identity_identifier where kind = 'user_id'")
        .fetchall()
    )  # fmt: skip
    return np.array([found[one] for one in people.tolist()])


def _of(column: Any, rows: Any) -> Any:
    import numpy as np

    return column[rows] if isinstance(column, np.ndarray) else [column[one] for one in np.flatnonzero(rows)]
