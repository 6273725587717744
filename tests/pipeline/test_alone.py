"""Long tasks leave threads for the others: what the clock asks for again and again runs once at a time."""

import threading
from collections.abc import Callable

import pytest

import cdp.tasks  # noqa: F401 - the tasks are known
from cdp.celery import app
from cdp.schedules import PLANNED
from common.alone import alone


class Work:
    """Work that goes on until it is let go, and counts how often it was begun and how many run side by side."""

    def __init__(self, most: int = 1) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.turns: list[str] = []
        self.turn: Callable[..., None] = alone(most=most)(self._work)
        self.threads: list[threading.Thread] = []

    def _work(self, name: str = "") -> None:
        self.turns.append(name)
        self.begun.release()
        assert self.go.wait(60)

    def begin(self, *about: str) -> None:
        """A turn in a thread of its own, which has begun when this answers."""
        self.threads.append(threading.Thread(target=self.turn, args=about))
        self.threads[-1].start()
        assert self.begun.acquire(timeout=60)

    def end(self) -> None:
        self.go.set()
        for thread in self.threads:
            thread.join(60)


def test_turns_that_come_meanwhile_hold_no_thread_and_are_made_good_for_by_one_more() -> None:
    work = Work()
    work.begin()
    for _ in range(5):
        work.turn()
    assert len(work.turns) == 1
    work.end()
    assert len(work.turns) == 2
    work.turn()
    assert len(work.turns) == 3


def test_each_set_of_arguments_has_turns_of_its_own_as_many_as_are_allowed() -> None:
    work = Work(most=2)
    for about in ("email", "email", "sms"):
        work.begin(about)
    work.turn("email")
    assert sorted(work.turns) == ["email", "email", "sms"]
    work.end()
    assert sorted(work.turns) == ["email", "email", "email", "sms"]


def test_a_turn_that_fails_leaves_its_place_to_the_next() -> None:
    calls = []

    def fails() -> None:
        calls.append(1)
        raise ValueError("no")

    turn = alone()(fails)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            turn()
    assert len(calls) == 2


def test_the_clock_cannot_fill_a_worker_with_one_kind_of_task() -> None:
    endless = [
        task.name for planned in PLANNED.values() if (task := app.tasks[f"cdp.tasks.{planned.task}"])
        if task.queue not in ("pipeline", "linkage") and not hasattr(task.run, "__wrapped__")
    ]  # fmt: skip
    assert not endless, f"say @alone() below @shared_task of {endless}"
