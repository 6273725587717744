"""Runs of linkage over the whole base as the pages show them. Pure."""

from dataclasses import dataclass
from datetime import datetime

from cdp.web import linkage_words
from identity.contracts import LinkageRunView

# In the order they are done; a run that links learns nothing, one that learns writes nothing.
_STAGES = {
    "train": ("read", "block", "compare", "train", "score"), "apply": ("read", "block", "compare", "score", "write"),
    "roll_back": (),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of a run; `seconds` once it is done."""

    label: str
    state: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """One run with its name in words and how long it has taken."""

    view: LinkageRunView
    title: str
    seconds: float | None
    steps: tuple[Step, ...]

    @property
    def is_open(self) -> bool:
        """Whether there is more to come."""
        return self.view.state in ("waiting", "running")

    @property
    def took(self) -> str:
        """The time it took, in words."""
        return _duration(self.seconds)


def shown(view: LinkageRunView, *, now: datetime) -> Run:
    """A run for the list and for its page."""
    seconds = ((view.finished_at or now) - view.started_at).total_seconds() if view.started_at else None
    return Run(view, _title(view), seconds, tuple(_steps(view)))


def _title(view: LinkageRunView) -> str:
    if view.kind == "roll_back":
        return f"Take back run {view.undoes}"
    if view.kind == "train":
        return f"Train model {view.model_version}" if view.model_version else "Train a new model"
    return f"Link with model {view.model_version}" if view.model_version else "Link with the start values"


def _steps(view: LinkageRunView) -> list[Step]:
    names = [*view.stages, *(name for name in _STAGES.get(view.kind, ()) if name not in view.stages)]
    return [
        Step(linkage_words.stage(name), _state(view, name), view.stages.get(name))
        for name in names if name in view.stages or view.state in ("waiting", "running")
    ]  # fmt: skip


def _state(view: LinkageRunView, name: str) -> str:
    if name in view.stages:
        return "done"
    return "under way" if name == view.stage else "to come"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min {int(seconds % 60)} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
