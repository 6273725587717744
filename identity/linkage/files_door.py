"""The door for files: `manage.py link`. Light to import."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from identity.linkage.levels import MOST_OTHERS
from identity.linkage.unreadable import UnreadableFile

if TYPE_CHECKING:
    from identity.linkage.bulk.engine import Engine
    from identity.linkage.bulk.linking import Linked
    from identity.linkage.files import Source
    from identity.linkage.filing import FileLinking

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What to write, with what, and what is known of the files."""

    out: Path
    pairs: Path | None = None
    engine: str = "duckdb"
    told: Mapping[str, str] = field(default_factory=dict)
    model: Path | None = None
    labels: Path | None = None
    memory: str = "2GB"
    duplicates: bool = False


def link_files(paths: Sequence[Path], options: FileOptions, *, folder: Path, tell: Tell) -> dict[str, Any]:
    """Link one file, or two to one another; write what `options` ask for and answer the figures.

    `folder` keeps the run: started again with the same one, a run that was killed goes on.

    Raises:
        UnreadableFile: a file is missing or of an unknown kind, or a map, model or file of labels does not fit, or
            memory and disk do not do, or another run works in the folder.
    """
    from identity.linkage import files, filing
    from identity.linkage.bulk.linking import by_start_values

    sources = [files.open_source(path, options.told) for path in paths]
    model = _read_model(options.model)
    left_out = {name for one in sources for name in one.others}.difference(filing.compared_as_they_are(sources, model))
    _tell_columns(sources, left_out, tell)
    one_to_one = len(sources) == 2 and not options.duplicates
    notes: list[str] = []
    if one_to_one and model is None:
        twice = [source for source in sources if not _duplicate_free(source, options, folder)]
        notes = [f"{source.path.name} holds people twice, so its records may match several" for source in twice]
        one_to_one = not twice
    engine = make_engine(options.engine, folder / "run", options.memory)
    run = filing.FileLinking(
        sources, folder / "run", engine, one_to_one=one_to_one, model=model,
        progress=lambda stage, done: tell(f"{stage}") if done == 0 else None,
    )  # fmt: skip
    linked = _run(run, folder, options.memory)
    run.write_clusters(options.out)
    if options.pairs:
        run.write_pairs(options.pairs, linked.model)
    if left_out:
        notes.append(_note_left_out(sorted(left_out), by_model=model is not None))
    few = by_start_values(linked.model, linked.records)
    if options.model and model is None and not few:
        options.model.write_text(json.dumps(linked.model.to_json(), indent=1))
    if not any(source.named for source in sources):
        notes.append("no column holds names, so nothing was merged: say which one does with --map")
    if few:
        notes.append(
            "these records are too few to learn a model from; linked are those with a name whose birth date, telephone,"
            " mailbox or number agrees as well, without anything against it"
        )
    result = _figures(linked, run, options, notes)
    engine.close()
    return result


def _run(run: "FileLinking", folder: Path, memory: str) -> "Linked":
    import duckdb

    try:
        return run.run()
    except duckdb.OutOfMemoryException as error:
        told = (
            f"{memory} of memory and the room left on the disk of {folder} do not do for these files: allow more with"
            " --memory, or take a folder on a larger disk with --work (some 3 GB for a million records)"
        )
        raise UnreadableFile(told) from error


def make_engine(name: str, folder: Path, memory: str) -> "Engine":
    """The engine of that name, with its tables in a folder."""
    if name == "spark":
        from identity.linkage.bulk.spark import SparkEngine

        return SparkEngine(folder, memory=memory)
    if name == "recordlinkage":
        from identity.linkage.bulk.with_recordlinkage import RecordLinkageEngine

        return RecordLinkageEngine(folder, memory=memory)
    from identity.linkage.bulk.duck import DuckEngine

    return DuckEngine(folder, memory=memory)


def _tell_columns(sources: "Sequence[Source]", left_out: Collection[str], tell: Tell) -> None:
    for source in sources:
        by_values = [f"{n} -> {g.role}" for n, g in source.guesses.items() if g.by == "values"]
        by_name = [f"{n} -> {g.role}" for n, g in source.guesses.items() if g.by in ("name", "map") and n != g.role]
        further = [name for name in source.others if name not in left_out]
        tell(f"{source.path.name}: {source.rows:,} rows")
        if by_name:
            tell(f"  columns: {', '.join(by_name)}")
        if by_values:
            tell(f"  taken by their values, correct me with --map: {', '.join(by_values)}")
        if further:
            tell(f"  compared as they are: {', '.join(further)}")


def _note_left_out(left_out: Sequence[str], *, by_model: bool) -> str:
    why = (
        "the model was trained without them"
        if by_model
        else f"at most {MOST_OTHERS} columns without a role are compared, and others are filled or varied more"
    )
    return f"left out: {', '.join(left_out)}; {why}. Say with --map what they hold, or which to take (column: other)"


def _read_model(path: Path | None) -> Any:
    from identity.linkage.model import Model

    if path is None or not path.exists():
        return None
    try:
        return Model.from_json(json.loads(path.read_text()))
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableFile(f"the model {path} cannot be used: {error}") from error


def _duplicate_free(source: "Source", options: FileOptions, folder: Path) -> bool:
    """Link the file with itself: one to one may only be assumed where nobody is there twice."""
    from identity.linkage import filing

    place = folder / f"inside-{source.path.name}"
    engine = make_engine("duckdb", place, options.memory)
    linked = filing.FileLinking([source], place, engine).run()
    engine.close()
    return filing.duplicate_free(linked)


def _figures(linked: "Linked", run: "FileLinking", options: FileOptions, notes: list[str]) -> dict[str, Any]:
    from identity.linkage import filing

    clusters = run.clusters()
    expected = linked.expected
    grades, more = {}, {}
    if options.labels:
        truth = run.labels(options.labels, "record_id", "cluster")
        grades = {
            "Pairs above the threshold": run.grade_pairs(truth, expected.threshold),
            "Clusters": filing.grade(clusters, truth),
        }
        more = {"blocking_recall": run.blocking_recall(truth), "best_pairs_f1": run.oracle(truth)}
    return {
        "records": linked.records,
        "entities": len(set(clusters.tolist())),
        "linked_records": len(linked.clusters),
        "candidates": linked.candidates,
        "expected": {name: getattr(expected, name) for name in ("matches", "threshold", "precision", "recall", "f1")},
        "grades": {
            name: {"precision": g.precision, "recall": g.recall, "f1": g.f1} for name, g in grades.items()
        },
        **more,
        "notes": notes,
    }  # fmt: skip
