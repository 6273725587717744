"""Other people's record linkage without labels, set up as its own documentation teaches, to be measured beside ours.

A frame has one row a record and columns named by role: given, surname, birth_date (yyyy-mm-dd or yyyymmdd), email,
phone, street (with house number), city, postcode, number (any identifier), and `source` where bases are linked. What is
missing is None. Every peer gets the same light cleaning and the same blocking keys, as far as the columns exist.
Peers run in processes of this interpreter, or of the one that CDP_PEERS_PYTHON names, for who keeps them apart.
"""

import argparse
import importlib
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROLES = ("given", "surname", "birth_date", "email", "phone", "street", "city", "postcode", "number")
KEYS = (("given", "surname"), ("surname", "birth_date"), ("given", "birth_date"), ("email",), ("phone",),
        ("surname", "postcode"), ("given", "postcode"), ("birth_date", "postcode"), ("number",))  # fmt: skip
# One field at a time, as in the tutorials for a few thousand records.
WIDE_KEYS = tuple((role,) for role in ROLES if role not in ("street", "city"))
# Rules that hold for hardly anybody but one person.
SURE = (("given", "surname", "birth_date"), ("given", "email"), ("given", "phone"), ("number",),
        ("given", "surname", "street"))  # fmt: skip
TRAINING_BLOCKS = (("given", "surname"), ("birth_date",), ("email",), ("street",))
THRESHOLD = 0.95
# Above so many records Splink's EM looks at a sample of its blocks, as its documentation offers.
SAMPLE_ABOVE, SAMPLE_PAIRS = 100_000, 5e6


@dataclass(frozen=True)
class Peer:
    """A cluster label for each row, how many pairs were compared and linked, the cost, and why it failed if it did."""

    clusters: np.ndarray[Any, Any]
    pairs: int
    links: int
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float
    failed: str = ""


Found = tuple[np.ndarray[Any, Any], int, int]


def splink(frame: pd.DataFrame, link: bool = False, wide: bool = False) -> Peer:
    """Splink 5 on DuckDB; `link` compares only records of different sources, `wide` blocks by single fields."""
    return _timed(lambda: _splink(_cleaned(frame), link, wide), len(frame))


def stock_recordlinkage(frame: pd.DataFrame, link: bool = False, wide: bool = False) -> Peer:
    """recordlinkage's blocks, its string comparison at 0.85 or exact, its ECM, and connected components."""
    return _timed(lambda: _stock(_cleaned(frame), link, wide), len(frame))


PEERS: dict[str, tuple[Callable[..., Peer], tuple[str, ...]]] = {
    "splink": (splink, ("splink", "splink.comparison_library", "duckdb")),
    "stock_recordlinkage": (stock_recordlinkage, ("recordlinkage",)),
}


def measured(function_name: str, parquet_path: str, *, seconds: float | None = None, **options: Any) -> Peer:
    """The peer in a process of its own: seconds of the linking, without imports and reading, and the process's peak.

    A peer that is not installed, crashes or takes longer than `seconds` gives every row a cluster of its own and says
    in `failed` why, and what to do.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.npz")
        command = [
            os.environ.get("CDP_PEERS_PYTHON", sys.executable),
            "-m",
            "kit.peers",
            function_name,
            str(Path(parquet_path).resolve()),
            str(answer),
        ]
        command += ["--options", json.dumps(options)]
        began = time.perf_counter()
        try:
            done = subprocess.run(
                command, cwd=Path(__file__).resolve().parent.parent, capture_output=True, text=True, timeout=seconds
            )
            failed = "" if answer.exists() else _why(done)
        except subprocess.TimeoutExpired:
            failed = f"longer than {seconds} s"
        if failed:
            rows = len(pd.read_parquet(parquet_path, columns=[]))
            return Peer(np.arange(rows), 0, 0, 0.0, time.perf_counter() - began, 0.0, failed)
        with np.load(answer) as kept:
            return Peer(kept["clusters"], **json.loads(str(kept["rest"])))


def _why(done: "subprocess.CompletedProcess[str]") -> str:
    """Why a peer gave no answer, with the last line of its error."""
    last = (done.stderr.strip() or "no error was printed").splitlines()[-1][:500]
    if "ModuleNotFoundError" in last:
        return f"{last}: pip install --group peers, or name an interpreter that has it by CDP_PEERS_PYTHON"
    return f"ended with {done.returncode}: {last}"


def _timed(work: Callable[[], Found], rows: int) -> Peer:
    """Run it in this process; a failure of the peer is an answer too."""
    failed, wall, cpu = "", time.perf_counter(), _cpu()
    try:
        clusters, pairs, links = work()
    except Exception as error:  # whatever a peer may raise on data it cannot take
        clusters, pairs, links = np.arange(rows), 0, 0
        failed = f"failed: {type(error).__name__}: {error}"[:500]
    return Peer(clusters, pairs, links, _cpu() - cpu, time.perf_counter() - wall, _peak_mib(), failed)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mib() -> float:
    """The peak of this program alone: ru_maxrss would start at what the process that started it held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _cleaned(frame: pd.DataFrame) -> pd.DataFrame:
    """Lower case without outer spaces, dates with dashes, the last nine digits of phones; empty roles are left out."""
    clean = pd.DataFrame(index=pd.RangeIndex(len(frame)))
    for role in ROLES:
        if role in frame and frame[role].notna().any():
            text = frame[role].reset_index(drop=True).astype(object)
            text = text.where(text.notna()).astype("string").str.strip().str.lower()
            clean[role] = text.mask(text == "")
    if "birth_date" in clean:
        digits = clean["birth_date"].str.replace(r"\D", "", regex=True)
        iso = digits.str[:4] + "-" + digits.str[4:6] + "-" + digits.str[6:8]
        clean["birth_date"] = iso.where(pd.to_datetime(iso, format="%Y-%m-%d", errors="coerce").notna())
    if "phone" in clean:
        digits = clean["phone"].str.replace(r"\D", "", regex=True).str[-9:]
        clean["phone"] = digits.where(digits.str.len() >= 6)
    if "source" in frame:
        clean["source"] = frame["source"].reset_index(drop=True).astype(str)
    return clean.astype(object).where(clean.notna(), None)


def _present(frame: pd.DataFrame, keys: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [key for key in keys if set(key) <= set(frame.columns)]


def _splink(frame: pd.DataFrame, link: bool, wide: bool) -> Found:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    sure = _present(frame, SURE)
    if sure and not any(_agree(frame, key) for key in sure):
        return np.arange(len(frame)), 0, 0  # Splink estimates a prior of 0 then and says not to run the model
    frame = frame.assign(unique_id=np.arange(len(frame)))
    parts = [part.drop(columns="source") for _, part in frame.groupby("source")] if link else [frame]
    settings = SettingsCreator(
        link_type="link_only" if link else "dedupe_only",
        comparisons=_comparisons(frame),
        blocking_rules_to_generate_predictions=[block_on(*key) for key in _present(frame, WIDE_KEYS if wide else KEYS)],
        retain_matching_columns=False,
    )
    database = DuckDBAPI()
    tables = [database.register(part, dataset_display_name=f"base_{n}") for n, part in enumerate(parts)]
    linker = Linker(tables, settings, log_level=logging.ERROR)
    _train(linker, frame)
    scored = linker.inference.predict()
    grouped = linker.clustering.cluster_pairwise_predictions_at_threshold(scored, threshold_match_probability=THRESHOLD)
    table = grouped.as_pandas_dataframe()[["unique_id", "cluster_id"]].set_index("unique_id")
    count = f"SELECT count(*) AS pairs, count(*) FILTER (match_probability >= {THRESHOLD}) AS links FROM {{this}}"
    sizes = scored.query_sql(count).as_record_list()[0]
    clusters = pd.factorize(table["cluster_id"].reindex(range(len(frame))))[0]
    return clusters, int(sizes["pairs"]), int(sizes["links"])


def _comparisons(frame: pd.DataFrame) -> list[Any]:
    """The library's own comparison for each field, and one for all parts of an address, which are one fact."""
    import splink.comparison_library as library

    offered: dict[str, Any] = {
        "given": library.NameComparison("given").configure(term_frequency_adjustments=True),
        "surname": library.NameComparison("surname").configure(term_frequency_adjustments=True),
        "birth_date": library.DateOfBirthComparison(
            "birth_date", input_is_string=True, datetime_format="%Y-%m-%d", invalid_dates_as_null=True
        ),
        "email": library.EmailComparison("email"),
        "phone": library.DamerauLevenshteinAtThresholds("phone", [1, 2]),
        "number": library.DamerauLevenshteinAtThresholds("number", [1, 2]),
    }
    chosen = [comparison for role, comparison in offered.items() if role in frame]
    return chosen + _location([part for part in ("street", "postcode", "city") if part in frame])


def _location(parts: list[str]) -> list[Any]:
    """Exact street, nearly the street, the postcode, the town, or nothing in common; missing if all parts are."""
    import splink.comparison_level_library as levels
    import splink.comparison_library as library

    if not parts:
        return []
    nothing = [levels.NullLevel(part) for part in parts]
    ladder: list[Any] = [levels.And(*nothing) if len(nothing) > 1 else nothing[0]]
    for part in parts:
        ladder.append(levels.ExactMatchLevel(part, term_frequency_adjustments=True))
        if part == "street":
            ladder.append(levels.JaroWinklerLevel("street", 0.92))
    return [library.CustomComparison([*ladder, levels.ElseLevel()], output_column_name="location")]


def _train(linker: Any, frame: pd.DataFrame) -> None:
    """The three steps of the tutorial: the prior from sure rules, u from random pairs, m by EM over two blocks."""
    from splink import block_on

    sure = [block_on(*key) for key in _present(frame, SURE)]
    if sure:
        linker.training.estimate_probability_two_random_records_match(sure, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for key in [key for key in _present(frame, TRAINING_BLOCKS) if _agree(frame, key)][:2]:
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*key), max_pairs=SAMPLE_PAIRS if len(frame) > SAMPLE_ABOVE else None
        )


def _agree(frame: pd.DataFrame, key: tuple[str, ...]) -> bool:
    """Whether any two records have all of these in common."""
    return bool(frame[list(key)].dropna().duplicated().any())


def _stock(frame: pd.DataFrame, link: bool, wide: bool) -> Found:
    import recordlinkage
    from recordlinkage.index import Block

    indexer = recordlinkage.Index([Block(list(key)) for key in _present(frame, WIDE_KEYS if wide else KEYS)])
    logging.getLogger("recordlinkage").setLevel(logging.ERROR)
    compare = recordlinkage.Compare()
    for role in (role for role in ROLES if role in frame):
        if role in ("given", "surname", "street"):
            compare.string(role, role, method="jarowinkler", threshold=0.85, label=role)
        else:
            compare.exact(role, role, label=role)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pairs = indexer.index(frame)
        if link:
            sources = frame["source"].to_numpy()
            pairs = pairs[sources[pairs.get_level_values(0)] != sources[pairs.get_level_values(1)]]
        links = recordlinkage.ECMClassifier().fit_predict(compare.compute(pairs, frame))
    return _components(links, len(frame)), len(pairs), len(links)


def _components(links: pd.MultiIndex, rows: int) -> np.ndarray[Any, Any]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right = (links.get_level_values(level).to_numpy(dtype=np.int64) for level in (0, 1))
    edges = coo_array((np.ones(len(links), dtype=np.int8), (left, right)), shape=(rows, rows))
    return connected_components(edges, directed=False)[1].astype(np.int64)


def main() -> None:
    """What `measured` starts: one peer over one file, its answer into another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("parquet")
    parser.add_argument("answer")
    parser.add_argument("--options", type=json.loads, default={})
    asked = parser.parse_args()
    function, libraries = PEERS[asked.peer]
    for library in libraries:
        importlib.import_module(library)
    frame = pd.read_parquet(asked.parquet)
    peer = function(frame, **asked.options)
    rest = {name: value for name, value in vars(peer).items() if name != "clusters"}
    np.savez(asked.answer, clusters=peer.clusters, rest=json.dumps(rest))


if __name__ == "__main__":
    main()
